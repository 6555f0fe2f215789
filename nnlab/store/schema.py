"""The tables, their version, and how ids and times are stored."""

import secrets
import string
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from nnlab.engines.base import ALGORITHM

State = Literal["waiting", "running", "paused", "finished", "stopped", "failed", "interrupted"]
STATES: tuple[State, ...] = ("waiting", "running", "paused", "finished", "stopped", "failed", "interrupted")
PRECEDENCE: tuple[State, ...] = ("running", "waiting", "failed", "interrupted", "paused", "stopped", "finished")
"""The state of several runs together is the first of these that one of them has."""
UNFINISHED: tuple[State, ...] = ("waiting", "running")
RequestedAction = Literal["pause", "stop", "yield"]
"""What a running run is requested to do: `yield` is to wait again, so that its worker is free; nnlab requests it."""

VERSION = 9  # the number of the newest revision in `migrations`


class now(sa.sql.functions.FunctionElement[float]):
    """The seconds since 1970 by the data base's clock, so that times of several machines can be compared."""

    type = sa.Float(53)
    inherit_cache = True


@compiles(now)
def _now(element: now, compiler: SQLCompiler, **_: Any) -> str:
    if compiler.dialect.name == "postgresql":
        return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"
    return "nnlab_now()"  # `time.time`, see `connect.py`: a SQLite file is on one machine


metadata = sa.MetaData()
version_table = sa.Table(  # it has one row
    "nnlab_schema",
    metadata,
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("id", sa.String(12)),  # of this data base: workers and servers know by it that they use the same
    sa.Column("cleaned", sa.Float(53)),  # when a server last began to remove what is old
)
alembic_table = sa.Table("alembic_version", metadata, sa.Column("version_num", sa.String(32), primary_key=True))
runs_table = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.String(12), primary_key=True),
    sa.Column("data", sa.String(12), nullable=False, index=True),  # the id of its curves and weights; copies share them
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("experiment", sa.Text, nullable=False),
    sa.Column("seeds", sa.Text, nullable=False),
    sa.Column("key", sa.String(64), nullable=False),
    sa.Column("state", sa.String(12), nullable=False, default="waiting"),
    sa.Column("wish", sa.String(8)),
    sa.Column("epoch", sa.Integer, nullable=False, default=0),
    sa.Column("epochs", sa.Integer, nullable=False),
    sa.Column("parameters", sa.Integer, nullable=False),
    sa.Column("seconds", sa.Float(53), nullable=False, default=0.0),
    sa.Column("error", sa.Text),
    sa.Column("note", sa.String(40)),
    sa.Column("results", sa.Text),
    sa.Column("comparison", sa.String(12)),
    sa.Column("extended", sa.Boolean, nullable=False, default=False),
    sa.Column("engine", sa.String(12)),  # that trains it, from the first write of a worker on
    sa.Column("algorithm", sa.Integer, nullable=False, default=ALGORITHM),
    sa.Column("draft", sa.Boolean, nullable=False, default=False),  # trained on Play: not listed unless it is kept
    sa.Column("size", sa.BigInteger, nullable=False, default=0, server_default="0"),  # bytes of its data; of copies 0
    sa.Column("thinned", sa.Boolean, nullable=False, default=False, server_default=sa.false()),  # snapshots removed
    # times are seconds since 1970, UTC
    sa.Column("created", sa.Float(53), nullable=False, default=now()),
    sa.Column("queued", sa.Float(53), nullable=False, default=now()),
    sa.Column("quick", sa.Boolean, nullable=False, default=False),  # estimated to take seconds
    sa.Column("started", sa.Float(53)),
    sa.Column("finished", sa.Float(53)),
    sa.Column("deleted", sa.Float(53)),
    # the current attempt
    sa.Column("attempt", sa.String(32)),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("claimed", sa.Float(53)),  # when a worker took it from the queue
    sa.Column("worker", sa.String(200)),
    sa.Column("heartbeat", sa.Float(53)),
    sa.Column("stepped", sa.Float(53)),  # end of the last epoch
    sa.Column("pace", sa.Float(53)),  # seconds per epoch, writing included
    sa.Column("loading", sa.Float(53)),
    sa.Index("runs_by_owner", "owner", "created"),
    sa.Index("runs_by_state", "state"),
    sa.Index("runs_by_service", "owner", "draft", "claimed"),
    sa.Index("runs_by_key", "key"),
)
metrics_table = sa.Table(
    "metrics",
    metadata,
    sa.Column("data", sa.String(12), primary_key=True),
    sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("figures", sa.LargeBinary, nullable=False),  # float64 (METRICS, replicates), little endian
    sa.Column("lr", sa.Float(53), nullable=False),
    sa.Column("seconds", sa.Float(53), nullable=False),
    sqlite_with_rowid=False,
)
snapshots_table = sa.Table(
    "snapshots",
    metadata,
    sa.Column("data", sa.String(12), primary_key=True),
    sa.Column("kind", sa.String(8), primary_key=True),  # many of kind step; one each of live, last and best
    sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("weights", sa.LargeBinary, nullable=False),  # safetensors
)
checkpoints_table = sa.Table(
    "checkpoints",
    metadata,
    sa.Column("data", sa.String(12), primary_key=True),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
outcomes_table = sa.Table(  # large and seldom read, so not in the results: see `analysis.scores.packed_outcomes`
    "outcomes",
    metadata,
    sa.Column("data", sa.String(12), primary_key=True),
    sa.Column("content", sa.Text, nullable=False),
)
comparisons_table = sa.Table(
    "comparisons",
    metadata,
    sa.Column("id", sa.String(12), primary_key=True),
    sa.Column("owner", sa.String(200), nullable=False, index=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("comparison", sa.Text, nullable=False),
    sa.Column("created", sa.Float(53), nullable=False, default=now()),
    sa.Column("test_opened", sa.Float(53)),
    sa.Column("deleted", sa.Float(53)),  # so are then the runs that only it has, at the same moment
)
cells_table = sa.Table(
    "cell_runs",
    metadata,
    sa.Column("comparison", sa.String(12), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),  # seeds added later have their own run
    sa.Column("run", sa.String(12), nullable=False, index=True),
    sa.Column("reused", sa.Boolean, nullable=False),
)
guesses_table = sa.Table(
    "guesses",
    metadata,
    sa.Column("comparison", sa.String(12), primary_key=True),
    sa.Column("owner", sa.String(200), primary_key=True),  # each visitor has one
    sa.Column("value", sa.Text, nullable=False),  # as in a link; empty: no difference
)
people_table = sa.Table(
    "people",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),  # the owner of their runs, `p-` and 128 random bits
    sa.Column("name", sa.String(80), nullable=False),  # a nickname, or what the provider of the login says
    sa.Column("subject", sa.String(100), unique=True),  # `oidc:` and a digest, or `name:` and a name of the settings
    sa.Column("email", sa.String(320)),  # verified by the provider
    sa.Column("code", sa.String(64), unique=True),  # sha256 of the personal code
    sa.Column("created", sa.Float(53), nullable=False, default=now()),
    sa.Column("seen", sa.Float(53), nullable=False, default=now()),
)
sign_ins_table = sa.Table(
    "sign_ins",
    metadata,
    sa.Column("token", sa.String(64), primary_key=True),  # sha256 of a browser's cookie
    sa.Column("person", sa.String(32), nullable=False, index=True),
    sa.Column("seen", sa.Float(53), nullable=False, default=now()),
)
tickets_table = sa.Table(  # for the one request that gives a browser the cookie of its sign-in
    "tickets",
    metadata,
    sa.Column("ticket", sa.String(64), primary_key=True),  # sha256
    sa.Column("browser", sa.String(64), nullable=False),  # sha256 of the cookie before
    sa.Column("person", sa.String(32)),  # None: only where to return after a login elsewhere
    sa.Column("place", sa.Text, nullable=False),  # the page and its parameters
    sa.Column("created", sa.Float(53), nullable=False, default=now()),
)
wrong_codes_table = sa.Table(  # how many were typed, fewer as time passes
    "wrong_codes",
    metadata,
    sa.Column("network", sa.String(64), primary_key=True),  # sha256; empty: all together
    sa.Column("level", sa.Float(53), nullable=False),
    sa.Column("moment", sa.Float(53), nullable=False),
)
classes_table = sa.Table(
    "classes",
    metadata,
    sa.Column("id", sa.String(12), primary_key=True),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("code", sa.String(16), nullable=False, unique=True),  # the teacher hands it out
    sa.Column("teacher", sa.String(32), nullable=False, index=True),
    sa.Column("created", sa.Float(53), nullable=False, default=now()),
    sa.Column("closed", sa.Float(53)),  # its code lets nobody in from then on
)
members_table = sa.Table(
    "members",
    metadata,
    sa.Column("class_id", sa.String(12), primary_key=True),
    sa.Column("person", sa.String(32), primary_key=True, index=True),
    sa.Column("joined", sa.Float(53), nullable=False, default=now()),
)
assignments_table = sa.Table(
    "assignments",
    metadata,
    sa.Column("id", sa.String(12), primary_key=True),
    sa.Column("class_id", sa.String(12), nullable=False, index=True),
    sa.Column("content", sa.Text, nullable=False),  # canonical JSON, see `nnlab.spec.assignment`
    sa.Column("created", sa.Float(53), nullable=False, default=now()),
    sa.Column("deleted", sa.Float(53)),
)
participants_table = sa.Table(
    "participants",
    metadata,
    sa.Column("assignment", sa.String(12), primary_key=True),
    sa.Column("person", sa.String(32), primary_key=True),
    sa.Column("place", sa.Integer, nullable=False),  # from 0: it gives the participant's own seeds
    sa.Column("started", sa.Float(53), nullable=False, default=now()),
    sa.Column("guess", sa.Text),
    sa.Column("guessed", sa.Float(53)),
    sa.UniqueConstraint("assignment", "place"),
)
tries_table = sa.Table(  # the runs and comparisons that are handed in
    "tries",
    metadata,
    sa.Column("assignment", sa.String(12), primary_key=True),
    sa.Column("item", sa.String(12), primary_key=True),  # the id of a run or comparison
    sa.Column("person", sa.String(32), nullable=False),
    sa.Column("created", sa.Float(53), nullable=False, default=now()),
)
data_files_table = sa.Table(  # for workers on other machines
    "data_files",
    metadata,
    sa.Column("name", sa.String(80), primary_key=True),  # `mnist/train-images-idx3-ubyte.gz`
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

DATA_TABLES = (metrics_table, snapshots_table, checkpoints_table, outcomes_table)  # what a run's `data` id refers to


def new_id() -> str:
    """12 random letters and digits (71 bits)."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(12))


def utc(seconds: float) -> datetime:
    """A stored time."""
    return datetime.fromtimestamp(seconds, UTC)
