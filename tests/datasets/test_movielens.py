"""fetch_movielens: the frames, where their files come from, and what may go wrong."""

import hashlib
import http.server
import io
import os
import socket
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from skrec.datasets import _download, _movielens, fetch_movielens

CONTENT = {"a.txt": b"first file\n" * 100, "b.txt": b"second file\n" * 100}
DIGESTS = {name: hashlib.sha256(data).hexdigest() for name, data in CONTENT.items()}
OTHER_CONTENT = {"c.txt": b"the same data otherwise\n"}
OTHER_DIGESTS = {
    name: hashlib.sha256(data).hexdigest() for name, data in OTHER_CONTENT.items()
}


@pytest.fixture(scope="module")
def movielens():
    return fetch_movielens()


@pytest.fixture
def no_mirror(monkeypatch):
    monkeypatch.delenv("SKREC_DATA_MIRROR", raising=False)


@pytest.fixture
def only_wheel(monkeypatch, no_mirror, tmp_path):
    monkeypatch.setattr(_movielens, "URL", (tmp_path / "missing.zip").as_uri())


def write_files(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def make_zip(files, folder="set"):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(f"{folder}/{name}" if folder else name, data)
    return content.getvalue()


def refuse():
    raise OSError("out of order")


def fetch(home, layouts=(DIGESTS,), **remotes):
    return _download.fetch_files("set", layouts, remotes, data_home=home)


# The frames


def test_shapes_and_columns(movielens):
    assert movielens.ratings.shape == (100_000, 4)
    assert movielens.users.shape == (943, 5)
    assert movielens.movies.shape == (1682, 22)
    assert movielens.data.shape == (100_000, 28)
    assert len(movielens.genres) == 19
    assert movielens.movies.columns.tolist() == [
        "item_id",
        "title",
        "year",
        *movielens.genres,
    ]
    assert "rating" not in movielens.data
    assert movielens.target.name == "rating"


def test_ratings_keep_the_order_of_the_file(movielens):
    ratings = movielens.ratings

    assert ratings.iloc[0].tolist() == [196, 242, 3, 881250949]
    assert ratings.iloc[-1].tolist() == [12, 203, 3, 879959583]
    assert ratings["timestamp"].duplicated().sum() == 50_718


def test_known_facts(movielens):
    assert movielens.target.mean() == pytest.approx(3.52986, abs=1e-12)
    assert movielens.target.value_counts().sort_index().tolist() == [
        6110,
        11370,
        27145,
        34174,
        21201,
    ]
    assert movielens.ratings.groupby("user_id").size().min() == 20
    assert movielens.users["gender"].value_counts().to_dict() == {"M": 670, "F": 273}
    assert movielens.movies[["Drama", "Comedy", "unknown"]].sum().tolist() == [
        725,
        505,
        2,
    ]


def test_titles_and_years(movielens):
    movies = movielens.movies.set_index("item_id")

    assert movies.loc[1, ["title", "year"]].tolist() == ["Toy Story", 1995]
    assert movies.loc[1412, ["title", "year"]].tolist() == [
        "Land Before Time III: The Time of the Great Giving",
        1995,
    ]
    assert movies.index[movies["year"].isna()].tolist() == [267]
    assert movies.loc[267, "title"] == "unknown"
    assert movies.loc[543, "title"] == "Misérables, Les"
    assert not movies["title"].str.contains(r"\d{4}\)|^\s|\s$").any()


def test_zip_codes_keep_their_zeros(movielens):
    assert movielens.users.set_index("user_id").loc[5, "zip_code"] == "15213"
    assert movielens.users["zip_code"].str.startswith("0").sum() == 96


def test_data_is_joined_row_by_row(movielens):
    data, ratings = movielens.data, movielens.ratings

    assert data[["user_id", "item_id"]].equals(ratings[["user_id", "item_id"]])
    assert movielens.target.equals(ratings["rating"])
    ages = movielens.users.set_index("user_id")["age"]
    assert data["age"].tolist() == ages.loc[data["user_id"]].tolist()
    titles = movielens.movies.set_index("item_id")["title"]
    assert data["title"].tolist() == titles.loc[data["item_id"]].tolist()


def test_description_has_terms_and_citation(movielens):
    assert "do not\nredistribute" in movielens.DESCR
    assert "Harper and Joseph A. Konstan. 2015" in movielens.DESCR
    assert "https://doi.org/10.1145/2827872" in movielens.DESCR


def test_wheel_gives_the_same_frames(movielens, only_wheel, tmp_path):
    from_wheel = fetch_movielens(data_home=tmp_path)
    from_cache = fetch_movielens(data_home=tmp_path, download_if_missing=False)

    assert from_wheel.source == "pip download recbole==1.2.1"
    assert from_cache.source == f"cache {tmp_path / 'movielens-100k'}"
    for name in ("ratings", "users", "movies", "data"):
        pd.testing.assert_frame_equal(from_wheel[name], movielens[name])
        pd.testing.assert_frame_equal(from_cache[name], movielens[name])
    pd.testing.assert_series_equal(from_wheel.target, movielens.target)


def test_both_layouts_are_read_alike(tmp_path, monkeypatch, no_mirror):
    def item(number, title, *genres):
        flags = ["1" if genre in genres else "0" for genre in _movielens.GENRES]
        return "|".join([str(number), title, "1-Jan-1995", "", "http://x", *flags])

    official = {
        "u.data": b"2\t3\t5\t881250949\n1\t1\t1\t881250949\n",
        "u.user": b"1|24|M|writer|01234\n2|53|F|None|94043\n",
        "u.item": "\n".join(
            [
                item(1, '"Les" Misérables (1995) ', "Drama", "Film-Noir"),
                item(2, "unknown", "unknown"),
                item(3, "Time III: End (1) (1996) (V)", "Children's"),
                item(4, "NA (1997)", "War"),
            ]
        ).encode("latin-1"),
    }
    recbole = {
        "ml-100k.inter": b"u\ti\tr\tt\n" + official["u.data"],
        "ml-100k.user": b"u\ta\tg\to\tz\n" + official["u.user"].replace(b"|", b"\t"),
        "ml-100k.item": (
            "i\tt\ty\tc\n"
            '1\t"Les" Misérables\t1995\tDrama Film-Noir\n'
            "2\tunkonwn\tunkonwn\tunknown\n"
            "3\tTime III: End (1) (1996)\tV\tChildren's\n"
            "4\tNA\t1997\tWar\n"
        ).encode(),
    }
    bunches = []
    for name, files in [("OFFICIAL", official), ("RECBOLE", recbole)]:
        digests = {
            file: hashlib.sha256(content).hexdigest() for file, content in files.items()
        }
        monkeypatch.setattr(_movielens, name, digests)
        write_files(tmp_path / name / "movielens-100k", files)
        bunches.append(
            fetch_movielens(data_home=tmp_path / name, download_if_missing=False)
        )
    first, second = bunches

    for name in ("ratings", "users", "movies", "data"):
        pd.testing.assert_frame_equal(first[name], second[name])
    assert first.movies["title"].tolist() == [
        '"Les" Misérables',
        "unknown",
        "Time III: End (1)",
        "NA",
    ]
    assert first.movies["year"].tolist() == [1995, pd.NA, 1996, 1997]
    assert first.movies[["Drama", "Film-Noir"]].sum().tolist() == [1, 1]
    assert first.users["occupation"].tolist() == ["writer", "None"]
    assert first.users["zip_code"].tolist() == ["01234", "94043"]
    assert first.data["title"].tolist() == ["Time III: End (1)", '"Les" Misérables']


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match=r"among \{'100k'\}. Got '1m'"):
        fetch_movielens("1m")


def test_all_places_fail(only_wheel, monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))

    with pytest.raises(OSError, match="movielens-100k could not be found") as raised:
        fetch_movielens(data_home=tmp_path / "home")

    lines = str(raised.value).splitlines()
    assert len(lines) == 6
    assert "cache" in lines[1] and "not there" in lines[1]
    assert "SKREC_DATA_MIRROR" in lines[2] and "not set" in lines[2]
    assert "missing.zip" in lines[3] and "No such file" in lines[3]
    assert "recbole==1.2.1" in lines[4] and "No matching distribution" in lines[4]
    assert lines[5].startswith("Put u.data, u.item, u.user into ")
    assert "data_home" in lines[5] and "SKREC_DATA_MIRROR" in lines[5]
    assert not (tmp_path / "home").exists()


def test_warnings_point_to_the_caller(movielens, only_wheel, monkeypatch, tmp_path):
    write_files(tmp_path / "movielens-100k", dict.fromkeys(_movielens.RECBOLE, b"torn"))
    (tmp_path / "file").touch()

    with pytest.warns(UserWarning, match="damaged or altered") as damaged:
        fetched = fetch_movielens(data_home=tmp_path)
    with pytest.warns(UserWarning, match="was not kept") as not_kept:
        fetch_movielens(data_home=tmp_path / "file")

    assert [warning.filename for warning in damaged] == [__file__]
    assert [warning.filename for warning in not_kept] == [__file__]
    pd.testing.assert_frame_equal(fetched.data, movielens.data)


# The order in which places are tried


def test_order_of_places(monkeypatch, tmp_path):
    monkeypatch.setenv("SKREC_DATA_MIRROR", str(tmp_path / "mirror"))
    calls = []

    def first():
        calls.append("first")
        raise OSError("out of order")

    def second():
        calls.append("second")
        return dict(CONTENT)

    def place():
        return fetch(tmp_path / "home", first=first, second=second)[1]

    assert place() == "second"
    assert calls == ["first", "second"]
    assert place() == f"cache {tmp_path / 'home' / 'set'}"
    (tmp_path / "home" / "set" / "a.txt").unlink()
    write_files(tmp_path / "mirror" / "set", CONTENT)
    assert place() == "mirror SKREC_DATA_MIRROR"
    assert calls == ["first", "second"]
    assert not (tmp_path / "home" / "set" / "a.txt").exists()


def test_no_download_unless_allowed(no_mirror, tmp_path):
    calls = []
    with pytest.raises(OSError, match="not tried, since download_if_missing=False"):
        _download.fetch_files(
            "set",
            [DIGESTS],
            {"remote": lambda: calls.append("remote")},
            data_home=tmp_path,
            download_if_missing=False,
        )
    assert calls == []


def test_data_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "user"))
    monkeypatch.delenv("SKREC_DATA", raising=False)
    assert _download.get_data_home() == tmp_path / "user" / "skrec_data"
    assert _download.get_data_home("~/x") == tmp_path / "user" / "x"
    monkeypatch.setenv("SKREC_DATA", str(tmp_path / "env"))
    assert _download.get_data_home() == tmp_path / "env"
    assert _download.get_data_home(tmp_path) == tmp_path


# Damaged files


def test_torn_file_in_the_cache_is_fetched_again(no_mirror, tmp_path):
    write_files(tmp_path / "set", CONTENT | {"b.txt": CONTENT["b.txt"][:-7]})

    with pytest.warns(UserWarning, match=r"damaged or altered files: b\.txt") as record:
        files, place = fetch(tmp_path, remote=lambda: dict(CONTENT))

    assert len(record) == 1
    assert (files, place) == (CONTENT, "remote")
    assert (tmp_path / "set" / "b.txt").read_bytes() == CONTENT["b.txt"]
    assert fetch(tmp_path, remote=refuse)[1].startswith("cache")


def test_torn_file_is_reported_once_if_another_layout_replaces_it(no_mirror, tmp_path):
    write_files(tmp_path / "set", CONTENT | {"b.txt": b""})
    layouts = [DIGESTS, OTHER_DIGESTS]

    with pytest.warns(UserWarning, match="damaged or altered"):
        fetch(tmp_path, layouts, remote=lambda: dict(OTHER_CONTENT))

    files, place = fetch(tmp_path, layouts, remote=refuse)
    assert files == OTHER_CONTENT
    assert place.startswith("cache")
    assert (tmp_path / "set" / "a.txt").read_bytes() == CONTENT["a.txt"]


def test_altered_mirror_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setenv("SKREC_DATA_MIRROR", str(tmp_path / "mirror"))
    altered = CONTENT | {"a.txt": b"made up"}
    write_files(tmp_path / "mirror" / "set", altered)

    with pytest.warns(UserWarning, match=r"damaged or altered files: a\.txt"):
        files, place = fetch(tmp_path / "home", remote=lambda: dict(CONTENT))

    assert (files, place) == (CONTENT, "remote")
    assert (tmp_path / "mirror" / "set" / "a.txt").read_bytes() == b"made up"


def test_altered_archive_is_not_used(tmp_path):
    archive = tmp_path / "set.zip"
    archive.write_bytes(make_zip(CONTENT | {"a.txt": b"made up"}))

    with pytest.raises(OSError, match=r"damaged or altered files: a\.txt"):
        _download.download_zip(archive.as_uri(), "set", DIGESTS)


@pytest.mark.parametrize(
    "name", ["../evil.txt", "set/../../evil.txt", "/evil.txt", "..\\evil.txt", "C:\\e"]
)
def test_archive_with_a_path_outside_is_refused(tmp_path, name):
    content = {f"set/{file}": data for file, data in CONTENT.items()}
    archive = tmp_path / "set.zip"
    archive.write_bytes(make_zip(content, folder=None))
    assert _download.download_zip(archive.as_uri(), "set", DIGESTS) == CONTENT

    archive.write_bytes(make_zip(content | {name: b"evil"}, folder=None))
    with pytest.raises(OSError, match="entry outside its own folder"):
        _download.download_zip(archive.as_uri(), "set", DIGESTS)


@pytest.mark.parametrize("damage", [lambda z: z[:-30], lambda z: z[:40], lambda z: b""])
def test_torn_archive(tmp_path, damage):
    archive = tmp_path / "set.zip"
    archive.write_bytes(damage(make_zip(CONTENT)))

    with pytest.raises(OSError, match=r"set\.zip is no whole zip archive"):
        _download.download_zip(archive.as_uri(), "set", DIGESTS)


@pytest.mark.parametrize("position", [39, 500])  # start and middle of the content
def test_bad_byte_in_an_archive(tmp_path, position):
    content = bytearray(make_zip({"a.txt": os.urandom(1000)}))
    content[position] ^= 255
    archive = tmp_path / "set.zip"
    archive.write_bytes(content)

    with pytest.raises(OSError, match=r"set\.zip is no whole zip archive"):
        _download.download_zip(archive.as_uri(), "set", {"a.txt": "0"})


def test_archive_that_lacks_a_file(tmp_path):
    archive = tmp_path / "set.zip"
    archive.write_bytes(make_zip({"a.txt": CONTENT["a.txt"]}))

    with pytest.raises(OSError, match=r"lacks a file: .*set/b\.txt"):
        _download.download_zip(archive.as_uri(), "set", DIGESTS)


# Broken connections and wheels


def test_connection_that_breaks_off(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"only this")

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request).start()
        url = f"http://127.0.0.1:{server.server_port}/set.zip"
        with pytest.raises(OSError, match="IncompleteRead"):
            _download.download_zip(url, "set", DIGESTS)


def test_server_that_never_answers(monkeypatch):
    monkeypatch.setattr(_download, "URL_TIMEOUT", 0.2)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/set.zip"
        with pytest.raises(OSError, match="timed out"):
            _download.download_zip(url, "set", DIGESTS)


def test_wheel_is_read_and_not_installed(monkeypatch, tmp_path):
    metadata = {
        "skrec_test_data-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\n"
        b"Name: skrec-test-data\nVersion: 1.0\nRequires-Dist: does-not-exist\n",
        "skrec_test_data-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\n"
        b"Root-Is-Purelib: true\nTag: py3-none-any\n",
        "skrec_test_data-1.0.dist-info/RECORD": b"",
    }
    content = {f"package/set/{name}": data for name, data in CONTENT.items()}
    wheel = tmp_path / "skrec_test_data-1.0-py3-none-any.whl"
    wheel.write_bytes(make_zip(content | metadata, folder=None))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    files = _download.download_wheel("skrec-test-data==1.0", "package/set", DIGESTS)

    assert files == CONTENT
    assert list(tmp_path.iterdir()) == [wheel]
    with pytest.raises(OSError, match=r"pip gave no wheel: .*skrec-test-data==2\.0"):
        _download.download_wheel("skrec-test-data==2.0", "package/set", DIGESTS)


def test_pip_that_takes_too_long(monkeypatch):
    monkeypatch.setattr(_download, "PIP_TIMEOUT", 0.01)
    with pytest.raises(OSError, match="pip gave no wheel in 0 seconds"):
        _download.download_wheel("recbole==1.2.1", "package", DIGESTS)


# Writing the cache


def test_interrupted_write_leaves_no_file(no_mirror, monkeypatch, tmp_path):
    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(_download.os, "replace", fail)
    with pytest.warns(UserWarning, match="not kept: disk full"):
        files, _ = fetch(tmp_path, remote=lambda: dict(CONTENT))

    assert files == CONTENT
    assert list((tmp_path / "set").iterdir()) == []


@pytest.mark.filterwarnings("error")
def test_simultaneous_fetches_share_a_cache(no_mirror, tmp_path):
    n_fetches = 8
    barrier = threading.Barrier(n_fetches)

    def download():
        barrier.wait(timeout=60)  # all have missed the cache, all write now
        return dict(CONTENT)

    with ThreadPoolExecutor(n_fetches) as pool:
        found = list(
            pool.map(lambda _: fetch(tmp_path, remote=download), range(n_fetches))
        )

    assert found == [(CONTENT, "remote")] * n_fetches
    assert {path.name for path in (tmp_path / "set").iterdir()} == set(CONTENT)
    assert fetch(tmp_path, remote=refuse)[0] == CONTENT
