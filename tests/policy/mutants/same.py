"""Mutants that no test can tell from the original, and why: file, the line's text, what was done."""

SAME = {
    ("reach.py", "if moment > now.at:", "compare 0"): "what turns at this very moment is as now: nothing changes",
    ("policy.py", "if not 2000 <= value.year < 2200:", "compare 0"): "a policy of the year 2000 has run out",
    ("policy.py", "if not 2000 <= value.year < 2200:", "compare 1"): "the calendar holds the year 2200 too",
    **{
        ("narrower.py", line, "compare 0"): "it is asked of values that differ, and of no others"
        for line in (
            "return bool(new < old)",
            "return order.index(Feed(str(new))) < order.index(Feed(str(old)))",
            "return lambda old, new: order.index(new) < order.index(old)",
        )
    },
    (
        "entries.py",
        'named = [f"{entry}\\n{case}" if case else entry for entry, case in zip(some.ids, some.cases, strict=True)]',
        "bool",
    ): "columns are of one length",
    (
        "entries.py",
        "if entry in seen:",
        "compare 0",
    ): "here are only ids of one hash of 64 bits with another: two that differ cannot be found for a test",
    ("tightening.py", "if not by:", "guard"): "only a short way: laying nothing over the policy gives the policy",
    ("tightening.py", "if not by.suspended:", "guard"): "only a short way: suspending nobody gives the registry",
    ("subscribers.py", "if name in made:", "guard"): "only a short way: what is made again is the same",
    ("decide.py", "if not tags.hits:", "guard"): "only a short way: of no hits there is none to be told of",
    (
        "entries.py",
        'masked = [at for at, pattern in enumerate(some.patterns) if "?" in pattern]',
        "filter",
    ): "those without a `?` are only found more quickly in a table of their own",
    ("hotlists.py", "if len(self) > _REMEMBERED:", "compare 0"): "how many times are remembered changes no meaning",
    (
        "hotlists.py",
        "if one.begins is not None and now < one.begins:",
        "compare 0",
    ): "at the very moment at which it begins a list counts, and this is asked of those that do not",
    (
        "bundle.py",
        "memo: dict[object, object] = field(default_factory=dict, init=False, repr=False, compare=False)",
        "bool",
    ): "how a bundle is printed; and what is remembered of one follows from the rest of it",
}
