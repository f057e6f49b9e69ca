"""The settings of every rule: a frozen dataclass that the plan builds, a rule passes as JSON, and its script receives.

One module per stage: a changed type reruns the rules of its stage alone. They need nothing but Python, because a script
may run in a container that has no packages. Profiles are texts by bound: `min`, `opt` and `max` in trtexec's notation.
"""
