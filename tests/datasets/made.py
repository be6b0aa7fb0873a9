"""Files in the formats of published data sets, made up: loaders are tested on them."""

import csv
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import numpy as np

from skrec.datasets._movielens import GENRES

BRANDS = {
    "yogurt": ["yoplait", "dannon", "hiland", "weight"],
    "catsup": ["heinz41", "heinz32", "heinz28", "hunts32"],
}
CLASSES = ["Caravan", "CreditCard", "attrition", "spam7"]  # the others have numbers
SHELF = {"yogurt": ["feat", "price"], "catsup": ["disp", "feat", "price"]}


def digests_of(*files: Path) -> dict[str, str]:
    """Return what the registries of skrec.datasets hold of such files."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine and return its address; set `no_proxy` before."""
    handler = partial(_Quiet, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def write_table(
    folder: Path, name: str, target: str, is_number: bool, n_rows: int = 120
) -> dict[str, str]:
    """Write a table as Rdatasets has it; return the digest of the file.

    The target follows the column `size`, or is NA in the first row, if it is a number;
    `colour` has the level "None" and missing values.
    """
    rng = np.random.default_rng(n_rows)
    size = rng.normal(size=n_rows).round(3)
    follows = size + 0.1 * rng.normal(size=n_rows)
    y = follows.round(2).astype(str) if is_number else np.where(follows > 0, "y", "n")
    lines = [["rownames", "size", "colour", "doors", target]]
    colours = np.array(["red", "blue", "None", "NA"])[rng.integers(4, size=n_rows)]
    for row in range(n_rows):
        wanted = "NA" if is_number and row == 0 else y[row]
        lines.append([f"no. {row}", size[row], colours[row], row % 5, wanted])
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.csv"
    with file.open("w", newline="") as opened:
        csv.writer(opened, lineterminator="\n").writerows(lines)
    return digests_of(file)


def write_panel(folder: Path, name: str, n_households: int = 40) -> dict[str, str]:
    """Write `Yogurt.csv` or `Catsup.csv` as Rdatasets has them, with fewer households.

    A household likes some brands more than others, and a low price. Returned is the
    digest of the file.
    """
    rng = np.random.default_rng(len(name) + n_households)
    brands, shelf = BRANDS[name], SHELF[name]
    header = [f"{kind}.{brand}" for kind in shelf for brand in brands]
    lines = [["rownames", "id", *header, "choice"]]
    for household in range(1, n_households + 1):
        taste = rng.normal(scale=2, size=4)
        for _ in range(rng.integers(4, 25)):
            price = np.round(rng.uniform(3, 11, size=4), 1)
            flags = rng.integers(2, size=(len(shelf) - 1, 4))
            liking = taste - 0.4 * price + flags.sum(axis=0) + rng.gumbel(size=4)
            row = [*flags.ravel().tolist(), *price.tolist(), brands[liking.argmax()]]
            lines.append([len(lines), household, *row])
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name.capitalize()}.csv"
    with file.open("w", newline="") as opened:
        csv.writer(opened, lineterminator="\n").writerows(lines)
    return digests_of(file)


def write_movielens(folder: Path, n_rows: int = 1500) -> dict[str, str]:
    """Write `u.data`, `u.item` and `u.user` as GroupLens has them; return digests."""
    rng = np.random.default_rng(n_rows)
    n_users, n_items = n_rows // 20, n_rows // 25
    pairs = rng.choice(n_users * n_items, size=n_rows, replace=False)
    stars = rng.choice(5, size=n_rows, p=[0.1, 0.2, 0.2, 0.3, 0.2]) + 1
    ratings = [
        f"{pair // n_items + 1}\t{pair % n_items + 1}\t{star}\t{881250949 + second}"
        for second, (pair, star) in enumerate(zip(pairs, stars, strict=True))
    ]
    flags = rng.integers(2, size=(n_items, len(GENRES))).astype(str)
    items = [
        f"{item}|Film {item} ({1930 + item})|01-Jan-1995||http://x|{'|'.join(row)}"
        for item, row in enumerate(flags, start=1)
    ]
    users = [
        f"{user}|{20 + user % 50}|{'MF'[user % 2]}|writer|{user:05d}"
        for user in range(1, n_users + 1)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    files = {"u.data": ratings, "u.item": items, "u.user": users}
    for name, lines in files.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="latin-1")
    return digests_of(*(folder / name for name in files))


def write_criteo(folder: Path, n_rows: int = 700) -> None:
    """Write `train.csv`, `dev.csv` and `test.csv`: 80, 10 and 10 % of the rows."""
    rng = np.random.default_rng(n_rows)
    lines = []
    for label in (rng.random(n_rows) < 0.2).astype(int):
        numbers = rng.integers(-3, 50, size=13) + 10 * label
        ids = [f"{code * 2654435761 % 2**32:08x}" for code in rng.integers(9, size=26)]
        fields = np.array([*numbers.astype(str), *ids])
        fields[rng.random(39) < 0.1] = ""
        lines.append("\t".join([str(label), *fields]) + "\n")
    folder.mkdir(parents=True, exist_ok=True)
    cuts = [0, n_rows * 8 // 10, n_rows * 9 // 10, n_rows]
    parts = zip(["train", "dev", "test"], pairwise(cuts), strict=True)
    for part, (start, stop) in parts:
        (folder / f"{part}.csv").write_text("".join(lines[start:stop]))


def write_sequences(folder: Path, file_name: str, n_users: int = 60) -> dict[str, str]:
    """Write a line a user: the id and at least five items, each once; return digests.

    Users come in two kinds, which like different halves of the 40 items; the next item
    is mostly the next number.
    """
    rng = np.random.default_rng(n_users)
    lines = []
    for user in range(1, n_users + 1):
        start = 20 * (user % 2) + rng.integers(20)
        steps = rng.choice(15, size=rng.integers(5, 12), replace=False)
        items = [(start + step) % 20 + 20 * (user % 2) + 1 for step in np.sort(steps)]
        lines.append(" ".join(map(str, [user, *items])))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file_name).write_text("\n".join(lines) + "\n")
    return digests_of(folder / file_name)
