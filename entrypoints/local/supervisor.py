"""``gas up``: the whole service on one machine, started, watched and stopped as one.

1. lock the data folder; 2. start the stand-ins and the embedded cloud and deploy the template into
it, and prepare what was asked for; 3. start the service's own processes; 4. say where it is once it
is ready; 5. start again what dies; 6. on Ctrl-C or SIGTERM stop everything, last started first.
``kill -9`` of this process ends its children too (``children``).
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from domain.errors import DomainError
from entrypoints.local import children, cloud
from entrypoints.local.data_folder import DataFolder
from entrypoints.local.watched import Watched
from entrypoints.told import Told

PAUSE = 0.1  # seconds between two looks at the children
PATIENCE = 6.5  # seconds the service's own processes get to finish
SHORT_PATIENCE = 1.5  # and the others; together well below ten
TRIES_BEFORE_READY = 4
NOT_OURS = ("AWS_", "GLOBUS_")  # a developer's own settings must not leak into the local service
STAND_IN_NAMES = ("GLOBUS", "VAULT", "STRIPE")
GLOBUS_CLIENT = "gas-local"
STRIPE_PRICE = "price_premium"


class StartFailed(DomainError):
    """The service cannot start here; the sentence says why."""

    code = "start_failed"


@dataclass(frozen=True, slots=True)
class LocalService:
    """What to run: ``commands`` by name, with more environment.

    ``early``: those that do without the cloud until they are ready, so they load beside it.
    ``prepare`` gets the environment when the cloud is there, before any of them starts.
    """

    data_dir: Path
    port: int
    stack: str
    commands: Mapping[str, Sequence[str]]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready_path: str = "/readyz"
    store: str = "sqlite"
    early: frozenset[str] = frozenset({"web"})
    prepare: Callable[[Mapping[str, str]], None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Supervisor:
    """Runs one local service until it is told to stop. Only from the main thread."""

    def __init__(self, service: LocalService) -> None:
        self._service = service
        self._folder = DataFolder(service.data_dir)
        self._stop = Told()
        self._watched: list[Watched] = []
        self._ready_urls = [service.url + service.ready_path]
        self._cloud_path = cloud.new_ready_path()

    def run(self) -> None:
        """Until Ctrl-C or SIGTERM; ``DomainError`` with a sentence when it cannot start."""
        with self._folder.locked(), _signals(self._stopped):
            _refuse_taken(self._service.port)
            try:
                self._start_all()
                if self._until_ready():
                    self._tell()
                while not self._stop.wait(PAUSE):
                    self._look()
            finally:
                self._folder.withdraw()
                self._end_all()

    def _stopped(self) -> None:
        if self._stop.is_set():  # asked twice: no more patience
            for watched in self._watched:
                if watched.child:
                    watched.child.kill()
        self._stop.set()

    # --- start -----------------------------------------------------------------------------------

    def _start_all(self) -> None:
        cloud_port = cloud.free_port()
        stand_ins = {name: cloud.free_port() for name in STAND_IN_NAMES}
        environment = self._environment(cloud_port, stand_ins)
        self._ready_urls += [f"http://127.0.0.1:{port}/healthz" for port in stand_ins.values()]
        prepare = self._service.prepare
        early = [] if prepare else [n for n in self._service.commands if n in self._service.early]
        for name in early:
            self._command(name, environment)
        self._watch("standins", lambda: self._process("standins", STAND_INS, environment))
        self._watch("cloud", lambda: self._cloud(cloud_port))
        if prepare and not self._stop.is_set():
            prepare(environment)
        for name in self._service.commands:
            if name not in early:
                self._command(name, environment)
        self._folder.announce(
            {"pid": os.getpid(), "url": self._service.url, "environment": self._shared(environment)}
        )

    def _command(self, name: str, environment: Mapping[str, str]) -> None:
        argv = self._service.commands[name]
        self._watch(name, lambda: self._process(name, argv, environment))

    def _watch(self, name: str, begin: Callable[[], children.Child]) -> None:
        if self._stop.is_set():
            return
        watched = Watched(name, begin)
        self._watched.append(watched)
        watched.start()

    def _cloud(self, port: int) -> children.Child:
        running = cloud.start(self._folder.path, port=port, ready_path=self._cloud_path)
        cloud.deploy(
            running,
            self._service.stack,
            origins=[self._service.url],
            store=self._service.store,
        )
        return running.child

    def _process(
        self, name: str, argv: Sequence[str], environment: Mapping[str, str]
    ) -> children.Child:
        return children.start(argv, environment, log=self._folder.log(name))

    def _environment(self, cloud_port: int, stand_ins: Mapping[str, int]) -> dict[str, str]:
        """What every child gets: our own environment, without a developer's AWS and Globus."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(NOT_OURS)}
        urls = {f"GAS_{k}_URL": f"http://127.0.0.1:{v}" for k, v in stand_ins.items()}
        return {
            **inherited,
            "GAS_LOCAL": "true",
            "GAS_PORT": str(self._service.port),
            "GAS_DATA_DIR": str(self._folder.path),
            "GAS_STACK": self._service.stack,
            "GAS_STORE": self._service.store,
            "GAS_SECRET": os.environ.get("GAS_SECRET") or self._folder.secret("cookies"),
            **{f"GAS_{name}_PORT": str(port) for name, port in stand_ins.items()},
            **urls,
            "GLOBUS_SDK_SERVICE_URL_AUTH": urls["GAS_GLOBUS_URL"],
            "GAS_GLOBUS_CLIENT_ID": GLOBUS_CLIENT,
            "GAS_GLOBUS_CLIENT_SECRET": self._folder.secret("globus-client"),
            "GAS_STRIPE_KEY": f"sk_test_{self._folder.secret('stripe-key')}",
            "GAS_STRIPE_WEBHOOK_SECRET": f"whsec_{self._folder.secret('stripe-webhook')}",
            "GAS_STRIPE_PRICE": STRIPE_PRICE,
            "PYTHONUNBUFFERED": "1",
            **cloud.environment(self._folder.path, cloud_port),
            "GAS_MAILBOX_URL": cloud.mailbox_url(cloud_port, self._cloud_path),
            **self._service.environment,
        }

    def _shared(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The part a command line of the same user needs to reach what runs."""
        return {k: v for k, v in environment.items() if k.startswith(("GAS_", *NOT_OURS))}

    # --- watch -----------------------------------------------------------------------------------

    def _look(self) -> None:
        for watched in self._watched:
            watched.look()

    def _until_ready(self) -> bool:
        """Whether it became ready; False when it was told to stop first."""
        while not self._stop.is_set():
            if all(_answers(url) for url in self._ready_urls):
                return True
            self._look()
            if broken := next((w for w in self._watched if w.failures >= TRIES_BEFORE_READY), None):
                raise StartFailed(
                    f"{broken.name} does not start; see {self._folder.log(broken.name)}."
                )
            self._stop.wait(PAUSE)
        return False

    def _tell(self) -> None:
        sys.stdout.write(f"{self._service.url}\nready\n")
        sys.stdout.flush()

    # --- stop ------------------------------------------------------------------------------------

    def _end_all(self) -> None:
        """The service's own processes first, together; then what they stand on."""
        own = [w for w in self._watched if w.name in self._service.commands]
        rest = [w for w in self._watched if w not in own]
        for group, patience in ((own, PATIENCE), (rest, SHORT_PATIENCE)):
            _end([watched.child for watched in group if watched.child], patience)


STAND_INS = (sys.executable, "-P", "-m", "entrypoints.local.standins")


def up(service: LocalService) -> None:
    """Run the service in the foreground until it is told to stop."""
    Supervisor(service).run()


def _end(group: Sequence[children.Child], patience: float) -> None:
    """Ask all at once and give them the same time."""
    for child in group:
        child.ask_to_stop()
    until = time.monotonic() + patience
    while time.monotonic() < until and any(child.exit_code() is None for child in group):
        time.sleep(0.02)
    for child in group:
        child.kill()


def _answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
        return bool(answer.status == 200)
    return False


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise StartFailed(
                f"Port {port} cannot be used ({error.strerror}). Choose another with GAS_PORT."
            ) from error


class _signals:  # noqa: N801 - a context manager, read like one
    """Ctrl-C and SIGTERM call ``handler`` while inside."""

    def __init__(self, handler: Callable[[], None]) -> None:
        self._handler = handler
        self._before: dict[int, object] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._handle)

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type]

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._handler()
