# SPDX-License-Identifier: GPL-2.0-or-later
"""A strict reader of the little PowerShell our profiles use: it knows which characters end which string and refuses all
it does not know, so that a value that escapes from its quotes is seen."""
import re

QUOTES = "'‘’‚‛"
TOKENS = re.compile(r"""
    (?P<blank>[ ]+|`\n)|(?P<newline>\n)|(?P<comment>\#[^\n]*)
    |(?P<variable>[$@]\w+(?::\w+)?)
    |(?P<type>\[[A-Za-z.]+(?:\[\])?\])
    |(?P<parameter>-[A-Za-z]+)
    |(?P<number>\d+)
    |(?P<word>[A-Za-z]\w*(?:[.-]\w+)*)
    |(?P<mark>::|@\{|[(){}|=,.])
""", re.X)
PAIRS = {")": "(", "}": "{"}


class Script:
    def __init__(self, tokens):
        self.tokens = tokens
        self.words = [v for kind, v in tokens if kind == "word"]
        self.strings = [v for kind, v in tokens if kind == "string"]
        plain = [t for t in tokens if t[0] != "newline"]
        self.assigned = {a[1][1:]: c[1] for a, b, c in zip(plain, plain[1:], plain[2:])
                         if a[0] == "variable" and b == ("mark", "=") and c[0] == "string"}
        self.options = self.read_options()

    def read_options(self):
        """The table between @{ and }: one `name = value` a line."""
        at, options = self.tokens.index(("mark", "@{")) + 1, {}
        while self.tokens[at] != ("mark", "}"):
            if self.tokens[at][0] == "word" and self.tokens[at - 1][0] == "newline":
                assert self.tokens[at + 1] == ("mark", "=")
                options[self.tokens[at][1]] = self.tokens[at + 2][1]
                at += 2
            at += 1
        return options

    def arguments(self, method):
        """First arguments of all calls of a method."""
        return [self.tokens[i + 2][1] for i, t in enumerate(self.tokens) if t == ("word", method)]

    def parameters(self, command):
        """Of the first call of a command; None for switches."""
        at, found, last = self.tokens.index(("word", command)) + 1, {}, None
        while self.tokens[at][0] != "newline":
            kind, value = self.tokens[at]
            if kind == "parameter":
                last = value[1:]
                found[last] = None
            else:
                assert last and found[last] is None
                found[last] = value
            at += 1
        return found


def read_string(text, at):
    """From the opening quote. Two quotes in a row, whichever, are one; the first is kept."""
    value = ""
    while True:
        at += 1
        assert at < len(text) and text[at] != "\n", "a string does not end"
        if text[at] in QUOTES:
            if at + 1 == len(text) or text[at + 1] not in QUOTES:
                return value, at + 1
            value, at = value + text[at], at + 1
        else:
            value += text[at]


def read_script(text):
    at, tokens, depth = 0, [], []
    while at < len(text):
        if text[at] in QUOTES:
            value, at = read_string(text, at)
            tokens.append(("string", value))
            continue
        if text[at] == '"':  # only our own words stand in these
            end = text.index('"', at + 1)
            assert re.fullmatch(r"[A-Za-z ,.\[\]$]*", text[at + 1:end]), text[at:end]
            tokens.append(("expanded", text[at + 1:end]))
            at = end + 1
            continue
        m = TOKENS.match(text, at)
        assert m, f"what is this? {text[at:at + 30]!r}"
        at = m.end()
        mark = m[0][-1]
        if m.lastgroup == "mark" and mark in "({":
            depth.append(mark)
        elif m.lastgroup == "mark" and mark in PAIRS:
            assert depth and depth.pop() == PAIRS[mark]
        if m.lastgroup not in ("blank", "comment"):
            tokens.append((m.lastgroup, m[0]))
    assert not depth, "a bracket stays open"
    return Script(tokens)
