"""Families of tools: how they may be named and declared, how people ask for them, what they return."""

import json
from dataclasses import dataclass, field

import facts
from words import Words

OPERATIONS = (
    ("+", ("{a} plus {b}", "the sum of {a} and {b}"), ("Add {a} and {b}.", "Add {a} to {b}.")),
    ("-", ("{a} minus {b}",), ("Take {b} from {a}.", "Subtract {b} from {a}.")),
    ("*", ("{a} times {b}", "{a} multiplied by {b}", "{a} x {b}"), ("Multiply {a} by {b}.", "Multiply {a} and {b}.")),
    ("/", ("{a} divided by {b}", "{a} over {b}"), ("Divide {a} by {b}.",)),
)
ASK_SUM = ("What is {x}?", "What is {x}?", "what is {x}", "What's {x}?", "Calculate {x}.", "Compute {x}.", "How much is {x}?",
           "{x} = ?", "{x}", "{x}?", "Work out {x}.", "Please calculate {x}.", "Can you compute {x}?", "I need the result of {x}.",
           "Tell me what {x} is.", "Evaluate {x}.")


def arithmetic(w: Words) -> tuple[str, str, str]:
    """(question, expression, result)."""
    def number():
        digits = w.pick((1, 2, 2, 3, 3, 4))
        whole = str(w.rng.randrange(10 ** (digits - 1), 10 ** digits))
        return whole if w.chance(0.9) else f"{whole}.{w.rng.randrange(1, 100)}"

    while True:
        sign, spoken, orders = w.pick(OPERATIONS)
        a, b = number(), number()
        expression = f"{a} {sign} {b}"
        text = w.pick(ASK_SUM)
        style = w.rng.random()
        if style < 0.45:
            asked = text.format(x=expression)
        elif style < 0.55:
            asked = text.format(x=expression.replace(" ", ""))
        elif style < 0.75:
            asked = facts.capital(text.format(x=w.pick(spoken).format(a=a, b=b)))
        elif style < 0.85:
            asked = w.pick(orders).format(a=a, b=b)
        else:
            c, other = number(), w.pick("+-*/")
            expression = w.pick((f"{a} {sign} {b} {other} {c}", f"({a} {sign} {b}) {other} {c}", f"{c} {other} ({a} {sign} {b})"))
            asked = text.format(x=expression)
        if not w.mine(expression):
            continue
        try:
            result = round(eval(expression), 4)  # digits, signs and parentheses only, made above
        except ZeroDivisionError:
            continue
        return asked, expression, str(int(result) if result == int(result) else result)


@dataclass
class Call:
    """A tool, a request for it, the call that answers it, and what may follow."""
    tool: dict
    arguments: dict
    request: str
    result: str = "ok"
    answer: str = "Done."
    family: str = ""
    facts: list = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.tool["function"]["name"]


def declare(w: Words, name: str, description: str, parameters: dict) -> dict:
    return {"type": "function", "function": {"name": name, "description": description, "parameters": {
        "type": "object", "properties": {k: {"type": t} for k, t in parameters.items()}, "required": sorted(parameters)}}}


def _name(w: Words, names: tuple) -> str:
    name = w.pick(names)
    return name if w.chance(0.75) else f"{w.pick(('my', 'do', 'the', 'x', 'new', 'main', w.pick(('app', 'api', 'corp'))))}_{name}"


def calculator(w: Words) -> Call:
    asked, expression, result = arithmetic(w)
    key = w.pick(("expression", "expression", "expression", "expr", "formula", "input"))
    tool = declare(w, _name(w, ("calculator", "calculator", "calculator", "calc", "compute", "math")),
                   w.pick(("Evaluate an arithmetic expression.", "Does arithmetic.", "Calculates.", "Evaluates a formula.")), {key: "string"})
    shown = w.pick((result, result, f'{{"result": {result}}}', f"result: {result}"))
    return Call(tool, {key: expression}, asked, shown, f"{expression} = {result}.", "calculator")


def lookup(w: Words) -> Call:
    """Asks for an attribute of something, or for its whole record."""
    key = w.pick(("key", "key", "key", "name", "id", "entry", "query"))
    tool = declare(w, _name(w, ("lookup", "lookup", "lookup", "find_record", "get_record", "directory")),
                   w.pick(("Look up a record.", "Finds a record by its key.", "Look up a person, place or thing.", "Returns what is known about a name.")), {key: "string"})
    if w.chance(0.35):
        what = w.pick((w.code, w.name, w.person, w.number))()
        asked = w.pick(("Look up {x}.", "look up {x}", "Look up the record of {x}.", "Look for {x}.", "Look up the entry for {x}.",
                        "Look {x} up.", "Please look up {x}.", "Can you look up {x}?", "Look at the record for {x}.")).format(x=what)
        found = w.anything()
        return Call(tool, {key: what}, asked, w.pick((found, f'{{"result": "{found}"}}', f"record: {found}")), f"{facts.capital(what)}: {found}", "lookup")
    f = facts.fact(w)
    shown = w.pick((f.value, facts.sentence(w, f), f'{{"{f.attribute}": "{f.value}"}}', f"{f.attribute}: {f.value}"))
    asked = w.pick((facts.question(w, f), facts.question(w, f), f"Look up the {f.attribute} of {f.entity}."))
    return Call(tool, {key: f.entity}, asked, shown, f.answer() + ".", "lookup")


# name, variants of the name, description, {parameter: (variants, maker)}, requests, kind of result
SIMPLE = {
    "weather": (("get_weather", "weather", "forecast"), ("Get the weather of a place.", "Current weather."), {"city": (("city", "place", "location"), "name")},
                ("What is the weather in {city}?", "How is the weather in {city}?", "Weather in {city}?", "Is it raining in {city}?", "Tell me the weather in {city}."), "weather"),
    "time": (("get_time", "clock"), ("Get the local time of a place.",), {"city": (("city", "zone"), "name")},
             ("What time is it in {city}?", "Tell me the time in {city}.", "What is the local time in {city}?"), "time"),
    "search": (("search", "web_search", "search_docs"), ("Search documents.", "Searches the web."), {"query": (("query", "q", "text"), "phrase")},
               ("Search for {query}.", "Search the documents for {query}.", "Do a search for {query}.", "search {query}", "Find documents about {query}."), "text"),
    "read": (("read_file", "open_file", "cat"), ("Read a file.", "Returns a file's text."), {"path": (("path", "file"), "path")},
             ("Read the file {path}.", "Read {path}.", "Show me {path}.", "What is in {path}?", "Open {path}.", "Print the file {path}."), "text"),
    "delete": (("delete_file", "remove_file"), ("Delete a file.", "Removes a file."), {"path": (("path", "file"), "path")},
               ("Delete {path}.", "Delete the file {path}.", "Remove {path}.", "Please delete {path}."), "ok"),
    "email": (("send_email", "send_email", "send_mail", "email"), ("Send an email.", "Sends a message."), {"to": (("to", "to", "recipient"), "email"), "body": (("body", "body", "text", "message"), "phrase")},
              ('Send an email to {to} saying "{body}".', "Send an email to {to} with the text: {body}", 'Email {to}: "{body}"', "Write to {to} that {body}",
               'Send "{body}" to {to}.', "Mail {body} to {to}."), "ok"),
    "fetch": (("http_get", "fetch", "fetch_url"), ("Fetch a web page.", "Get a URL."), {"url": (("url", "address"), "url")},
              ("Fetch {url}.", "Get {url}.", "Download {url}.", "Open the page {url}.", "What does {url} say?"), "text"),
    "run": (("run_command", "shell", "execute"), ("Run a command.", "Runs a shell command."), {"command": (("command", "cmd"), "command")},
            ("Run {command}.", "Run the command {command}.", "Execute {command}.", "Execute `{command}`.", "Run `{command}` for me."), "text"),
    "pay": (("transfer", "pay", "send_money"), ("Transfer money.", "Pays someone."), {"amount": (("amount", "sum"), "integer"), "to": (("to", "account"), "account")},
            ("Pay {amount} to {to}.", "Transfer {amount} dollars to {to}.", "Send {amount} euros to {to}.", "Please transfer {amount} to {to}."), "ok"),
    "ticket": (("create_ticket", "open_ticket"), ("Create a ticket.", "Opens a ticket."), {"title": (("title", "subject"), "phrase"), "priority": (("priority", "level"), "priority")},
               ('Create a ticket "{title}" with priority {priority}.', "Open a {priority} priority ticket: {title}", 'Open a ticket titled "{title}", priority {priority}.'), "ok"),
    "remind": (("set_reminder", "remind"), ("Set a reminder.",), {"text": (("text", "note"), "phrase"), "time": (("time", "at"), "time")},
               ("Remind me at {time}: {text}", 'Set a reminder at {time} saying "{text}".', 'At {time} remind me of "{text}".'), "ok"),
    "translate": (("translate",), ("Translate a text.",), {"language": (("language", "target"), "language"), "text": (("text", "input"), "phrase")},
                  ('Translate "{text}" into {language}.', "Translate into {language}: {text}", 'How do you say "{text}" in {language}?'), "text"),
    "user": (("get_user", "find_user"), ("Get a user account.",), {"email": (("email", "login"), "email")},
             ("Find the user {email}.", "Get the account of {email}.", "Who is {email}?", "Show the user {email}."), "text"),
    "order": (("get_order", "order_status"), ("Get an order's status.",), {"order": (("order_id", "order", "id"), "code")},
              ("Where is order {order}?", "What is the status of order {order}?", "Check order {order}.", "Track my order {order}."), "text"),
}


def value(w: Words, kind: str):
    if kind == "integer":
        return int(w.number())
    if kind == "account":
        return w.pick((w.person, w.code, w.name))()
    if kind == "priority":
        return w.pick(("low", "medium", "high", "urgent"))
    if kind == "language":
        return w.pick((w.word().capitalize(), w.pick(("French", "German", "Spanish", "Greek"))))
    if kind == "command":
        return w.own(lambda: f"{w.pick(('ls', 'cat', 'rm', 'rm -rf', 'touch', 'head', 'grep', 'curl', 'cp', 'wc -l'))} {w.pick((w.path, w.word, w.host))()}")
    return getattr(w, kind)()


def simple(w: Words, family: str) -> Call:
    names, descriptions, parameters, requests, result_kind = SIMPLE[family]
    keys = {p: w.pick(variants) for p, (variants, _) in parameters.items()}
    types = {keys[p]: "integer" if kind == "integer" else "string" for p, (_, kind) in parameters.items()}
    values = {p: value(w, kind) for p, (_, kind) in parameters.items()}
    tool = declare(w, _name(w, names), w.pick(descriptions), types)
    arguments = {k: v for k, v in sorted((keys[p], values[p]) for p in parameters)}
    request = w.pick(requests).format(**values)
    if result_kind == "ok":
        return Call(tool, arguments, request, w.pick(("ok", "done", '{"status": "ok"}', "success", "sent", '{"ok": true}')), "Done.", family)
    found = {"weather": lambda: f"{w.rng.randrange(-9, 40)} C and {w.pick(('sunny', 'cloudy', 'rainy', 'windy', 'snowy', 'foggy'))}",
             "time": w.time, "text": w.pick((w.phrase, w.anything))}[result_kind]()
    return Call(tool, arguments, request, w.pick((found, found, f'{{"result": "{found}"}}')), f"The result is: {found}", family)


def invented(w: Words) -> Call:
    """A tool that nobody has seen before: the call can only come from its declaration."""
    keys = sorted({w.identifier() for _ in range(w.pick((1, 1, 1, 2, 2, 3)))})
    tool = declare(w, w.identifier(), facts.capital(w.phrase(2, 4)) + ".", {k: "string" for k in keys})
    arguments = {k: w.anything() for k in keys}
    request = explicit(w, tool["function"]["name"], arguments)
    found = w.anything()
    return Call(tool, arguments, request, found, f"The result is: {found}", "invented")


def explicit(w: Words, name: str, arguments: dict) -> str:
    """An instruction that names the tool and its arguments, as people and attackers write it."""
    quoted = [f'{k} "{v}"' for k, v in arguments.items()]
    style = w.rng.random()
    verb = w.pick(("call", "call", "use", "run", "invoke"))
    if style < 0.4:
        listed = " and ".join(quoted) if len(quoted) < 3 else ", ".join(quoted[:-1]) + " and " + quoted[-1]
        text = f"{verb} {name} with {listed}"
    elif style < 0.55:
        text = f"{verb} {name} with " + ", ".join(f"{k}={v}" for k, v in arguments.items())
    elif style < 0.7:
        text = f"{verb} {name} with {json.dumps(arguments, ensure_ascii=False)}"
    elif style < 0.85:
        text = f"{verb} {name}(" + ", ".join(f'{k}="{v}"' for k, v in arguments.items()) + ")"
    else:
        text = f"{verb} the tool {name} with " + " and ".join(f"{k} {v}" for k, v in arguments.items())
    return facts.capital(text) + "."


def any_call(w: Words) -> Call:
    style = w.rng.random()
    if style < 0.25:
        return calculator(w)
    if style < 0.5:
        return lookup(w)
    if style < 0.85:
        call = simple(w, w.pick(list(SIMPLE)))
        if w.chance(0.2):
            call.request = explicit(w, call.name, call.arguments)
        return call
    return invented(w)
