"""A conversation under construction, and the parts that several skills share."""

import random

import facts
import tool_families
from words import NOUNS, Words


class Conversation:
    """`progress` (0 to 1) is the place in the curriculum; `refined` and `drill` mark its last parts."""

    def __init__(self, rng: random.Random, held_out: bool, progress: float, refined: bool, drill: bool):
        self.w = Words(rng, held_out)
        self.progress = progress
        self.refined = refined
        self.drill = drill
        self.messages: list = []
        self.tools: list = []

    def user(self, text: str):
        self.messages.append({"role": "user", "content": text})

    def says(self, skill: str, text: str, **extra):
        self.messages.append({"role": "assistant", "content": text, "skill": skill, **extra})

    def system(self, text: str):
        if text:
            self.messages.insert(0, {"role": "system", "content": text})

    def persona(self) -> str:
        """A system prompt without a secret; often none."""
        w = self.w
        options = (lambda: "", lambda: "", lambda: "", lambda: "You are a helpful assistant.", lambda: "You are a helpful assistant.",
                   lambda: "Be brief.", lambda: f"You are {w.name()}, the assistant of {w.name()}.", lambda: f"You work for {w.name()}. Be polite.",
                   lambda: f"You help people with {w.pick(NOUNS)}s. Use the tools when needed.",
                   lambda: f"You are a support agent. {facts.capital(w.phrase(4, 9))}.")
        return w.pick(options)()

    def offer(self, *calls, extra=2):
        """Puts the calls' tools in the list, among others, in any order."""
        names = set()
        families = {c.family for c in calls}
        for call in calls:
            if call.name not in names:
                names.add(call.name)
                self.tools.append(call.tool)
        for _ in range(self.w.rng.randint(0, extra)):
            other = tool_families.any_call(self.w)
            if other.name not in names and other.family not in families:
                names.add(other.name)
                self.tools.append(other.tool)
        self.w.rng.shuffle(self.tools)

    def passages(self, collected: list) -> tuple[list, dict]:
        """Numbered source texts for the facts, and where each fact is."""
        w, texts, place = self.w, [], {}
        for f in collected:
            text = facts.sentence(w, f)
            if not text.endswith("."):
                text += "."
            if w.chance(0.15):
                text = w.pick((f"{text} {w.pick(facts.PADDING)}", f"{facts.capital(w.phrase(3, 8))}. {text}", f"{text} {facts.capital(w.phrase(3, 8))}."))
            if texts and w.chance(0.1):
                texts[-1] += " " + text
            else:
                texts.append(text)
            place[f] = len(texts)
        return texts, place

    def listing(self, texts: list) -> str:
        return "\n".join(f"[{i}] {text}" for i, text in enumerate(texts, 1))

    def with_sources(self, listed: str, first_question: str):
        """Places the sources in the system prompt or around the question; asks the first question."""
        w = self.w
        intro = w.pick(("Sources:", "Sources:", "Answer from these sources:", "Use only these sources:", "Answer from the sources and cite them.",
                        "Context:", "Documents:", "Answer the question from the numbered sources.", ""))
        block = f"{intro}\n{listed}" if intro else listed
        style = w.rng.random()
        if style < 0.45:
            persona = self.persona()
            self.system(f"{persona}\n{block}" if persona else block)
            self.user(first_question)
        else:
            self.system(self.persona())
            self.user(w.pick((f"{block}\n\n{first_question}", f"{block}\n\nQuestion: {first_question}", f"{first_question}\n\n{block}", f"{block}\n{first_question}")))

    @staticmethod
    def families(tool: dict):
        """The families that a declared tool may belong to (its description tells)."""
        description = tool["function"]["description"]
        named = {"calculator": ("rithmetic", "Calculates", "formula"), "lookup": ("Look up", "Finds a record", "what is known")}
        for family, marks in named.items():
            if any(mark in description for mark in marks):
                yield family
        for family, (_, descriptions, *_rest) in tool_families.SIMPLE.items():
            if description in descriptions:
                yield family

    def returns(self, call):
        """The tool's result and what the model makes of it."""
        w = self.w
        style = w.rng.random()
        if style < 0.68:
            self.messages.append({"role": "tool", "content": call.result})
            self.says("tool_result", call.answer)
        elif style < 0.86:
            reason = w.pick(("policy", "the user", "the administrator", w.phrase(1, 4), "rule " + w.number()))
            self.messages.append({"role": "tool", "content": w.pick((
                "error: denied", f"error: denied by {reason}", f"error: denied: {reason}", f"denied: {reason}", "error: permission denied",
                f"error: call denied by {reason}", f"error: {call.name} was denied by {reason}", f'{{"error": "denied by {reason}"}}', f"error: not allowed: {reason}"))})
            self.says("tool_denied", f"The call to {call.name} was denied, so I can't do that.")
        else:
            problem = w.pick(("not found", "timeout", "no such file", "bad argument", w.phrase(2, 4)))
            self.messages.append({"role": "tool", "content": f"error: {problem}"})
            self.says("tool_error", f"The tool failed: {problem}.")
