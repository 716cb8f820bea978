"""Facts, the sentences that state them and the questions that ask for them."""

from dataclasses import dataclass

from words import NOUNS, Words

# attribute: (kind of value, sentences, questions). {e} is the entity, {v} the value.
# Every attribute also takes the generic forms below.
ATTRIBUTES = {
    "capital": ("name", ["{v} serves as the capital of {e}."], ["Which city is the capital of {e}?"]),
    "currency": ("name", ["People in {e} pay with the {v}."], ["Which currency is used in {e}?"]),
    "population": ("amount", ["{e} has a population of {v}."], ["How many people live in {e}?"]),
    "president": ("person", ["{v} was elected president of {e}."], ["Who is the president of {e}?"]),
    "mayor": ("person", [], ["Who is the mayor of {e}?"]),
    "longest river": ("name", ["The {v} is the longest river in {e}."], ["Which river is the longest in {e}?"]),
    "official language": ("name", ["People in {e} speak {v}."], ["Which language do people speak in {e}?"]),
    "founder": ("person", ["{e} was founded by {v}."], ["Who founded {e}?"]),
    "founding year": ("year", ["{e} was founded in {v}."], ["When was {e} founded?", "In which year was {e} founded?"]),
    "headquarters": ("name", ["{e} is based in {v}."], ["Where is {e} based?"]),
    "director": ("person", ["{e} is led by {v}."], ["Who is the director of {e}?", "Who leads {e}?"]),
    "main product": ("name", ["{e} makes the {v}."], ["What does {e} make?"]),
    "birthplace": ("name", ["{e} was born in {v}."], ["Where was {e} born?"]),
    "employer": ("name", ["{e} works at {v}."], ["Where does {e} work?", "Who does {e} work for?"]),
    "age": ("number", ["{e} is {v} years old."], ["How old is {e}?"]),
    "phone number": ("phone", ["Call {e} at {v}."], ["How can I call {e}?"]),
    "email address": ("email", ["{e} can be reached at {v}."], []),
    "home address": ("address", ["{e} lives at {v}."], ["Where does {e} live?"]),
    "price": ("amount", ["{e} costs {v}.", "{e} is sold for {v}."], ["How much does {e} cost?", "How much is {e}?"]),
    "weight": ("amount", ["{e} weighs {v}."], ["How much does {e} weigh?", "How heavy is {e}?"]),
    "height": ("amount", ["{e} is {v} high.", "{e} stands {v} tall."], ["How high is {e}?", "How tall is {e}?"]),
    "color": ("color", ["{e} is painted in {v}."], ["Which color does {e} have?"]),
    "part number": ("code", [], []),
    "opening time": ("time", ["{e} opens at {v}."], ["When does {e} open?"]),
    "closing time": ("time", ["{e} closes at {v}."], ["When does {e} close?"]),
    "deadline": ("date", ["{e} is due on {v}."], ["When is {e} due?"]),
    "release date": ("date", ["{e} was released on {v}."], ["When was {e} released?"]),
    "password": ("code", [], []),
    "owner": ("person", ["{e} belongs to {v}."], ["Who owns {e}?"]),
    "website": ("url", [], []),
    "return period": ("amount", ["You can return {e} within {v}."], []),
    "motto": ("phrase", [], []),
    "captain": ("person", [], ["Who is the captain of {e}?"]),
    "status": ("color", [], []),
}
INVENTED = ("code", "number", "name", "limit", "rate", "date", "key")
SENTENCES = ("The {a} of {e} is {v}.", "The {a} of {e} is {v}.", "{e}'s {a} is {v}.", "{v} is the {a} of {e}.",
             "The {a} for {e} is {v}.", "{e}: {a} {v}.", "{e} has the {a} {v}.", "{a} of {e}: {v}")
QUESTIONS = ("What is the {a} of {e}?", "What is the {a} of {e}?", "what is the {a} of {e}", "What's the {a} of {e}?",
             "What is {e}'s {a}?", "Tell me the {a} of {e}.", "{a} of {e}?", "I need the {a} of {e}.",
             "Do you know the {a} of {e}?", "Please give me the {a} of {e}.", "Find the {a} of {e}.",
             "What is the {a} for {e}?", "{e}: what is the {a}?", "Can you tell me the {a} of {e}?",
             "According to the sources, what is the {a} of {e}?")
PADDING = ("It is well known.", "Most visitors like it.", "This was checked last year.", "See the annex for details.",
           "The record is complete.", "More will be added later.", "Nobody disputes this.", "The rest is not known.")


@dataclass(frozen=True)
class Fact:
    entity: str
    attribute: str
    value: str

    def answer(self) -> str:
        return f"The {self.attribute} of {self.entity} is {self.value}"


def entity(w: Words) -> str:
    return w.pick((w.name, w.name, w.person, lambda: "the " + w.name()))()


def attribute(w: Words) -> str:
    if w.chance(0.2):
        return f"{w.pick(NOUNS)} {w.pick(INVENTED)}"
    return w.pick(list(ATTRIBUTES))


def value(w: Words, attr: str) -> str:
    kind = ATTRIBUTES[attr][0] if attr in ATTRIBUTES else {
        "number": "number", "limit": "amount", "rate": "amount", "name": "name", "date": "date"}.get(attr.split()[-1], "code")
    if kind == "address":
        return f"{w.rng.randrange(1, 200)} {w.name()} {w.pick(('Street', 'Road', 'Lane', 'Square'))}"
    return getattr(w, kind)() if w.chance(0.9) else w.anything()


def fact(w: Words, e: str | None = None, a: str | None = None) -> Fact:
    a = a or attribute(w)
    return Fact(e or entity(w), a, value(w, a))


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _fill(w: Words, own: list, generic: tuple, f: Fact) -> str:
    form = w.pick(own) if own and w.chance(0.4) else w.pick(generic)
    text = form.format(a=f.attribute, e=f.entity, v=f.value)
    return text if form[:1].islower() else capital(text)


def sentence(w: Words, f: Fact) -> str:
    return _fill(w, ATTRIBUTES.get(f.attribute, (0, [], []))[1], SENTENCES, f)


def question(w: Words, f: Fact) -> str:
    return _fill(w, ATTRIBUTES.get(f.attribute, (0, [], []))[2], QUESTIONS, f)


def collection(w: Words, count: int) -> list:
    """Facts that distract from one another: the same entity with other attributes, and the reverse."""
    facts = [fact(w)]
    while len(facts) < count:
        near = w.pick(facts)
        new = w.pick((lambda: fact(w), lambda: fact(w, e=near.entity), lambda: fact(w, a=near.attribute)))()
        if all((new.entity, new.attribute) != (f.entity, f.attribute) for f in facts):
            facts.append(new)
    return facts


def absent(w: Words, facts: list) -> Fact:
    """A fact that the sources lack: either half may occur in them."""
    while True:
        near = w.pick(facts)
        new = w.pick((lambda: fact(w), lambda: fact(w, e=near.entity), lambda: fact(w, a=near.attribute),
                      lambda: Fact(near.entity, w.pick(facts).attribute, "")))()
        if all((new.entity, new.attribute) != (f.entity, f.attribute) for f in facts):
            return new
