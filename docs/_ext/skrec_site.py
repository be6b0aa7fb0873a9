"""What is ours in the build of the site: the list of the API, links, worked examples.

Everything here is written or linked from what the package and the repository hold, so
that nothing has to be added by hand when a name, or an example, is.
"""

import ast
import functools
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

from docutils import nodes
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  (examples do)
from sphinx.addnodes import pending_xref
from sphinx.transforms import SphinxTransform

import skrec

ROOT = Path(__file__).parents[2]
# Pages of the repository that the site has too, for links that GitHub follows as well.
IN_REPOSITORY = {
    "../README.md": "index.md",
    "../CHANGELOG.md": "changelog.md",
    "../CONTRIBUTING.md": "contributing.md",
}


# ---- API reference -----------------------------------------------------------------


def public_names():
    """Return the public names of each public module, each object under one name alone.

    Returns
    -------
    dict of str to list of str
        A module, and the full names of what is its own: what `skrec` itself hands out
        is not listed again in `skrec.estimators`.
    """
    below = [found.name for found in pkgutil.iter_modules(skrec.__path__)]
    modules = [f"skrec.{name}" for name in sorted(below) if not name.startswith("_")]
    names, seen = {}, set()
    for module in ["skrec", *modules]:
        loaded = importlib.import_module(module)
        own = [name for name in loaded.__all__ if id(getattr(loaded, name)) not in seen]
        seen.update(id(getattr(loaded, name)) for name in own)
        if own:
            names[module] = [f"{module}.{name}" for name in own]
    return names


def api_index(names):
    """Return the page that lists them, with a table for each module."""
    page = ["API reference", "=============", ""]
    page += ["Every public name, by the module that it is imported from.", ""]
    for module, listed in names.items():
        said = inspect.getdoc(importlib.import_module(module)).splitlines()[0]
        page += [module, "-" * len(module), "", said, ""]
        page += [".. autosummary::", "   :toctree: .", "   :nosignatures:", ""]
        page += [f"   ~{name}" for name in sorted(listed)] + [""]
    return "\n".join(page)


def own_members(full_name):
    """Return the public methods and properties of a class, and whose they are.

    Returns
    -------
    dict
        ``"properties"`` and ``"methods"`` that skrec defines, and ``"others"``, methods
        that scikit-learn brings.
    """
    module, name = full_name.rsplit(".", 1)
    cls = getattr(importlib.import_module(module), name)
    found = {"properties": [], "methods": [], "others": []}
    for member in dir(cls):
        static = inspect.getattr_static(cls, member)
        is_property = isinstance(static, property | functools.cached_property)
        if member.startswith("_") or not (is_property or callable(static)):
            continue
        if inspect.isclass(static):
            continue
        function = getattr(static, "fget", None) or getattr(static, "func", static)
        home = getattr(inspect.unwrap(function), "__module__", None) or ""
        if not home.startswith("skrec"):
            found["others"].append(member)
        else:
            found["properties" if is_property else "methods"].append(member)
    return found


# ---- links -------------------------------------------------------------------------


class LinkPublicNames(SphinxTransform):
    """Make a link of each literal that is a public name, such as ``CNNClassifier``."""

    default_priority = 20  # before Sphinx resolves references

    def apply(self, **kwargs):
        """Put a reference around each of these literals, but for those in titles."""
        targets = self.app.skrec_names
        for literal in list(self.document.findall(nodes.literal)):
            target = targets.get(literal.astext().removesuffix("()"))
            inside = (nodes.title, nodes.reference, pending_xref)
            if target is None or isinstance(literal.parent, inside):
                continue
            link = pending_xref(
                "", refdomain="py", reftype="obj", reftarget=target, refwarn=False
            )
            link["refdoc"] = self.env.docname
            literal.replace_self(link)
            link += literal


class NoLetters(SphinxTransform):
    """Take away the links that docutils makes of ``ndcg@10``, as if it were an address.

    What is an address for letters has a dot in what follows the sign.
    """

    default_priority = 20

    def apply(self, **kwargs):
        """Leave their text."""
        for link in list(self.document.findall(nodes.reference)):
            kind, _, address = link.get("refuri", "").partition(":")
            if kind == "mailto" and "." not in address.partition("@")[2]:
                link.replace_self(link.children)


def by_short_name(names):
    """Return the full name of each, by that and by its last part if it is one alone."""
    full = [name for listed in names.values() for name in listed]
    last = [name.rsplit(".", 1)[1] for name in full]
    # A word such as `dump` or `score` may mean a method of something else.
    telling = {
        short: name
        for short, name in zip(last, full, strict=True)
        if last.count(short) == 1 and (not short.islower() or "_" in short)
    }
    return telling | {name: name for name in full}


def without_terms(app, what, name, obj, options, lines):
    """Write the terms of scikit-learn's glossary as code: this site has none."""
    lines[:] = [re.sub(r":term:`([^`]+)`", r"``\1``", line) for line in lines]


def lead_within_the_site(app, docname, source):
    """Let links to files of the repository lead to the site's own page of them."""
    for there, here in IN_REPOSITORY.items():
        source[0] = source[0].replace(f"]({there}", f"]({here}")


# ---- worked examples ---------------------------------------------------------------


def worked_example(path):
    """Return a script of `benchmarks/` with a title, as the gallery wants it."""
    text = path.read_text("utf-8")
    docstring = ast.get_docstring(ast.parse(text))
    title = f"{path.name}: {docstring.splitlines()[0].rstrip('.').lower()}"
    body = docstring.split("\n", 1)[1].strip()
    options = f"``python benchmarks/{path.name} --help`` lists its options."
    head = f'r"""{title}\n{"=" * len(title)}\n\n{literal_names(body)}\n\n{options}\n"""'
    return re.sub(r'\A""".*?"""', lambda _: head, text, count=1, flags=re.S)


def literal_names(text):
    """Mark options and files as code: a docstring of a script has no marks."""
    return re.sub(
        r"(?<![\w`/-])(--[a-z-]+|[\w/-]+\.(?:md|csv|png|joblib|keras|json|html))(?!\w)",
        r"``\1``",
        text,
    )


def write_if_new(path, text):
    """Write a file unless it holds that already, so that a second build reads less."""
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


def write_sources(app, config):
    """Write the pages that follow from the package and from `benchmarks/`."""
    here = Path(app.srcdir)
    names = public_names()
    app.skrec_names = by_short_name(names)
    write_if_new(here / "api" / "index.rst", api_index(names))
    header = "Worked examples\n===============\n\n" + (
        "Whole programs, from the data to a report, on real data or on your own. They\n"
        "take minutes, so they are shown here and not run.\n"
    )
    write_if_new(here / "worked_sources" / "GALLERY_HEADER.rst", header)
    for path in sorted((ROOT / "benchmarks").glob("tune_*.py")):
        write_if_new(here / "worked_sources" / path.name, worked_example(path))
    config.version = config.release = skrec.__version__
    config.autosummary_context = {"own_members": own_members}


def setup(app):
    """Connect all of this to Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")  # whose event is used
    app.connect("config-inited", write_sources)
    app.connect("source-read", lead_within_the_site)
    app.connect("autodoc-process-docstring", without_terms, priority=900)
    app.add_transform(LinkPublicNames)
    app.add_transform(NoLetters)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
