"""Names, values and phrases for the synthetic data, all invented or drawn from short word lists.

Every string that identifies something (a name, a place, an amount, an expression) belongs to
exactly one split: the CRC of its text decides. So a held-out conversation never reuses a name,
a value or a question that was trained on.
"""

import random
import string
import zlib

ONSETS = "b br c ch cr d dr f fl g gl gr h j k kr l m n p pl pr qu r s sh sk st t th tr v w y z".split()
VOWELS = "a e i o u a e i o ai ea ou io ar or en in an el".split()
CODAS = "n r l s m x th nd rt k sh ck ria nia dor mar ton vale ford burg wick stein ley".split()

FIRST_NAMES = """Ada Alan Alice Amir Anna Boris Bruno Carla Chen Clara David Dina Elena Emil Eva Farid
Grace Hana Hugo Igor Ines Ivan Jack Jana Joan John Julia Karl Kim Lena Leo Lina Lucas Maria Mark Marta
Max Mina Nadia Nora Omar Oscar Paul Petra Rosa Ruth Sam Sara Sofia Tariq Thomas Vera Victor Yuki Zoe""".split()

NOUNS = """apple anchor arrow basket bell bird boat book bottle box bread bridge brush button cabin cake
candle card castle chair cheese clock cloud coat coffee copper corn cotton cup desk dog door drum engine
falcon farm fish flag flower forest fork fox garden glass gold grape hammer harbor hat hill honey horse
house island jacket jar key kite knife ladder lake lamp leaf lemon letter lion map market mill mirror
moon mountain needle ocean olive orange owl paper pearl pencil pepper piano pilot plate pocket potato
rabbit radio rain ribbon river road robot rope rose salt sand school ship shoe silver snow soap spoon
station stone storm sugar sun table tea tiger tower train tree valley violin wagon wall watch water
whale wheat wheel window winter wolf wood""".split()

ADJECTIVES = """amber ancient big black blue bold brave bright broken brown calm clean clever cold cool
crisp dark deep dry early empty fast fine fresh gentle giant golden grand gray green happy hard heavy
hidden high hollow hot humble icy kind large late light little long loud low lucky narrow new noble old
pale plain proud pure purple quick quiet rapid rare red rich round royal rusty sharp shiny short silent
slow small smooth soft solid spare steady strong sweet swift tall tiny warm weak white wide wild wise
wooden yellow young""".split()

VERBS = """arrives brings builds calls carries checks closes counts covers draws drops finds follows
holds keeps leaves lifts marks moves needs opens paints reads sends shows signs stops takes turns visits
waits wants watches writes""".split()

FILLERS = """the a this that my our your every no one two please today tomorrow now then soon here there
and or but with without before after near under over at from to for in on is was will can must not very""".split()


class Words:
    """A seeded source of words of one split."""

    def __init__(self, rng: random.Random, held_out: bool):
        self.rng = rng
        self.held_out = held_out

    def pick(self, options):
        return options[int(self.rng.random() * len(options))]

    def chance(self, p: float) -> bool:
        return self.rng.random() < p

    def mine(self, text: str) -> bool:
        """Whether this text belongs to this split (one text in ten is held out)."""
        return (zlib.crc32(text.encode()) % 10 == 0) == self.held_out

    def own(self, make):
        """Draws from `make` until the text belongs to this split."""
        while True:
            text = make()
            if self.mine(text):
                return text

    # Names.

    def _made_up(self) -> str:
        parts = [self.pick(ONSETS) + self.pick(VOWELS) for _ in range(self.pick((1, 1, 2, 2, 3)))]
        return "".join(parts) + self.pick(CODAS)

    def word(self) -> str:
        return self.own(self._made_up)

    def name(self) -> str:
        """A place, a firm, a product: one or two words."""
        style = self.rng.random()
        if style < 0.65:
            return self.word().capitalize()
        if style < 0.85:
            return self.own(lambda: f"{self.pick(ADJECTIVES)} {self.pick(NOUNS)}".title())
        return self.own(lambda: f"{self._made_up().capitalize()} {self.pick(NOUNS).title()}")

    def person(self) -> str:
        return self.own(lambda: f"{self.pick(FIRST_NAMES)} {self._made_up().capitalize()}")

    def identifier(self) -> str:
        """A tool or parameter name, in snake case."""
        return self.own(lambda: self.pick((
            f"{self.pick(NOUNS)}_{self.pick(NOUNS)}", self._made_up(), self.pick(NOUNS),
            f"{self._made_up()}_{self.pick(NOUNS)}")))

    # Values.

    def number(self) -> str:
        digits = self.pick((2, 2, 3, 3, 4, 4, 5, 6))
        return self.own(lambda: str(self.rng.randrange(10 ** (digits - 1), 10 ** digits)))

    def amount(self) -> str:
        return self.own(lambda: self.pick((
            f"{self.rng.randrange(2, 999)} {self.pick(('meters', 'km', 'euros', 'dollars', 'tons', 'years', 'people'))}",
            f"${self.rng.randrange(1, 999)}.{self.rng.randrange(100):02d}",
            f"{self.rng.randrange(1, 99)}.{self.rng.randrange(10)} {self.pick(('kg', 'miles', 'liters', 'percent', 'million'))}",
            f"{self.rng.randrange(1, 99)},{self.rng.randrange(1000):03d}")))

    def year(self) -> str:
        return self.own(lambda: str(self.rng.randrange(1100, 2030)))

    def date(self) -> str:
        return self.own(lambda: self.pick((
            f"20{self.rng.randrange(10, 40)}-{self.rng.randrange(1, 13):02d}-{self.rng.randrange(1, 29):02d}",
            f"{self.rng.randrange(1, 29)} {self.pick(('January', 'March', 'May', 'June', 'July', 'August', 'October', 'December'))} {self.rng.randrange(1900, 2040)}")))

    def time(self) -> str:
        return self.own(lambda: f"{self.rng.randrange(24)}:{self.rng.randrange(60):02d}")

    def code(self) -> str:
        """A random-looking token: a ticket, a password, a part number."""
        upper, lower = string.ascii_uppercase, string.ascii_lowercase
        run = lambda letters, n: "".join(self.pick(letters) for _ in range(n))
        return self.own(lambda: self.pick((
            f"{run(upper, self.pick((1, 2, 3)))}-{run(string.digits, self.pick((3, 4, 5)))}",
            f"{self.pick(NOUNS).upper()}-{run(string.digits, 4)}",
            f"{self._made_up()}-{run(string.digits, self.pick((2, 3, 4)))}",
            run(upper + string.digits, self.pick((5, 6, 8))),
            run(lower + string.digits, self.pick((5, 6, 8))),
            run(upper + lower + string.digits, self.pick((6, 8, 10))),
            f"sk-{run(lower + string.digits, self.pick((6, 8, 12)))}",
            f"{run(upper, 1)}{run(string.digits, 2)}-{run(upper + string.digits, 4)}")))

    def phone(self) -> str:
        return self.own(lambda: self.pick((
            f"555-{self.rng.randrange(10000):04d}",
            f"+{self.rng.randrange(1, 99)} {self.rng.randrange(100, 999)} {self.rng.randrange(1000, 9999)}")))

    def host(self) -> str:
        return self.own(lambda: self.pick((self._made_up(), self.pick(NOUNS))) + self.pick(
            (".com", ".org", ".net", ".example", ".io", ".test", "-corp.com", ".example.com")))

    def email(self) -> str:
        return self.own(lambda: self.pick((self._made_up(), self.pick(FIRST_NAMES).lower(), self.pick(NOUNS),
                                           f"{self.pick(FIRST_NAMES).lower()}.{self._made_up()}")) + "@" + self.host())

    def url(self) -> str:
        return self.own(lambda: f"{self.pick(('http', 'https'))}://{self.host()}/{self.pick(NOUNS)}"
                        + self.pick(("", f"/{self._made_up()}", f"?id={self.rng.randrange(9999)}")))

    def path(self) -> str:
        folder = self.pick(("/etc", "/home/" + self.pick(FIRST_NAMES).lower(), "/var/log", "/tmp", "/srv/data", "/root/.ssh", "notes", "docs"))
        return self.own(lambda: f"{folder}/{self.pick((self.pick(NOUNS), self._made_up()))}"
                        + self.pick((".txt", ".md", ".conf", ".key", ".log", ".json", "", ".csv")))

    def phrase(self, low=2, high=7) -> str:
        """A few plain words, for message bodies, queries and echoes."""
        def make():
            pools = (NOUNS, NOUNS, ADJECTIVES, VERBS, FILLERS, FILLERS)
            words = [self.pick(self.pick(pools)) for _ in range(self.rng.randint(low, high))]
            if self.chance(0.25):
                words[self.rng.randrange(len(words))] = self.pick((self.name, self.number, self.code, self.word))()
            return " ".join(words)
        return self.own(make)

    def color(self) -> str:
        return self.own(lambda: self.pick((f"{self.pick(ADJECTIVES)} {self.pick(NOUNS)}", f"the {self.pick(ADJECTIVES)} {self.pick(NOUNS)}",
                                           f"{self.pick(NOUNS)} and {self.pick(NOUNS)}", self._made_up())))

    def shout(self) -> str:
        """The word that an injected instruction asks for."""
        return self.own(lambda: self.pick((
            self.pick(NOUNS).upper(), self._made_up().upper(), f"{self.pick(ADJECTIVES)} {self.pick(NOUNS)}".upper(),
            self._made_up(), f"I {self.pick(('love', 'hate', 'am a', 'see the'))} {self.pick(NOUNS)}",
            self.pick(("HACKED", "PWNED", "OWNED", "BREACHED", "COMPROMISED", "HIJACKED")) + self.pick(("", "", "!", f" {self.rng.randrange(100)}")))))

    def anything(self) -> str:
        return self.pick((self.name, self.person, self.number, self.amount, self.date, self.code, self.email,
                          self.path, self.phone, self.phrase, self.color, self.word, self.url))()
