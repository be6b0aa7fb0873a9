"""``python -m skrec.export.serve model.onnx``: an exported model behind HTTP.

A module and a function of one name are one attribute of their package: imported, this
module leaves the function in its place.
"""

import sys

from skrec.export._server import main, serve

if __name__ == "__main__":
    main()
else:
    sys.modules[__name__] = serve  # type: ignore[assignment]
