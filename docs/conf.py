"""How Sphinx builds the documentation; the pages are the Markdown files beside it."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

# The examples of the gallery need no GPU, and no notes of TensorFlow's on it.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

project = "skrec"
author = "The skrec developers"
copyright = author

extensions = [
    "skrec_site",  # first: it writes what the others read
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = [
    "_build",
    "_ext",
    "_templates",
    "examples",
    "worked_sources",
    "**/*.ipynb",
    "**/sg_execution_times.rst",
    "sg_execution_times.rst",
]
templates_path = ["_templates"]
suppress_warnings = ["config.cache"]  # the gallery's order is a class

# ---- text --------------------------------------------------------------------------

smartquotes = False  # search would not find "can't" as it is typed
myst_heading_anchors = 4
myst_links_external_new_tab = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

# ---- API reference -----------------------------------------------------------------

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections say the types
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False  # the templates list them
numpydoc_validation_checks = set()  # tests/test_docstrings.py checks them

# ---- gallery -----------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": ["examples", "worked_sources"],
    "gallery_dirs": ["gallery", "worked"],
    "filename_pattern": r"/plot_",  # the worked examples are shown, not run
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "plot_gallery": True,
    "min_reported_time": 1e9,
    "abort_on_example_error": True,
    "within_subsection_order": "FileNameSortKey",
}

# ---- HTML --------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "skrec"
html_favicon = "_static/favicon.svg"  # without one, a browser asks in vain
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
# Pages without pages below them need no list of these.
ALONE = ["index", "choosing-a-model", "faq", "benchmarks", "articles"]
html_sidebars = {page: [] for page in [*ALONE, "changelog", "contributing"]}
html_context = {"default_mode": "auto"}  # else a warning in each new browser
html_theme_options = {
    "logo": {"text": "skrec"},
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "show_nav_level": 1,
    "show_toc_level": 2,
    "show_prev_next": True,
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
