"""Design a network, a sandbox: sliders for its knobs, and at once what it costs, how long it takes, and why.

``designs`` says which knobs there are and what `tinyinfer.models.create` takes for them; ``timing`` measures layers on
a machine and predicts others from them; the page counts the same in JavaScript, as the tests make sure.

    python -m tinyinfer.pages.sandbox sandbox.html
    python -m tinyinfer.pages.sandbox --measure mine.json  # on another machine, and then there
    python -m tinyinfer.pages.sandbox --table mine.json sandbox.html
"""
