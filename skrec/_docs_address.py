"""Where the documentation is: what scikit-learn's diagrams of estimators link to."""

import sys

BASE = "https://skrec.readthedocs.io/en/latest"


class DocumentedHere:
    """Makes scikit-learn's HTML diagram of an estimator link to our page of its class.

    It stands before ``BaseEstimator``. Classes that others derive have no page here,
    and scikit-learn gives them no link.
    """

    _doc_link_module = "skrec"
    _doc_link_template = f"{BASE}/api/{{estimator_module}}.{{estimator_name}}.html"

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        """Return what the address of the page of a class is made of."""
        name, own = type(self).__name__, type(self).__module__.split(".")
        packages = ["skrec", ".".join(own[:2])]  # the shortest name that it goes by
        found = [
            one for one in packages if name in getattr(sys.modules[one], "__all__", ())
        ]
        return {"estimator_module": (found or packages)[0], "estimator_name": name}
