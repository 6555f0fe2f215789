"""What the workers of several servers do, read from the names of their tasks."""

from nnlab.jobs.load import MORE, RUN, SHORT, Load, new_key


def test_the_tasks_of_all_servers_count_each_once() -> None:
    theirs, mine, fresh, short, sent = (new_key(kind) for kind in (RUN, RUN, RUN, SHORT, SHORT))
    tasks = {"tls://a": [theirs, short, f"{MORE}-0"], "tls://b": [mine, ("shuffle", 1)], "tls://c": []}
    load = Load.of(tasks, {mine: "tls://b", fresh: "tls://c"}, {short, sent})  # the scheduler does not know all yet
    assert load.runs == {"tls://a": 1, "tls://b": 1, "tls://c": 1}
    assert load.short == {"tls://a"}
    assert load.n_short == 2
