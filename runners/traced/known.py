"""Exception classes that may be named to somebody who must not learn what a program saw.

A list and not a rule: a contestant chooses the names of their own classes, and a name can be a message. So whatever a
program says, at most one of these few words gets out. Standard library only.
"""

from __future__ import annotations

import builtins

BUILTIN = frozenset(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
)
# Of the standard library and of what environments offer, by "<module of the class>.<name>".
LIBRARIES = frozenset(
    {
        "_csv.Error",
        "_pickle.PicklingError",
        "_pickle.UnpicklingError",
        "binascii.Error",
        "json.decoder.JSONDecodeError",
        "subprocess.CalledProcessError",
        "subprocess.TimeoutExpired",
        "zipfile.BadZipFile",
        "zlib.error",
        "numpy.exceptions.AxisError",
        "numpy.exceptions.DTypePromotionError",
        "numpy.linalg.LinAlgError",
        "numpy.core._exceptions._ArrayMemoryError",
        "numpy._core._exceptions._ArrayMemoryError",
        "pandas.errors.EmptyDataError",
        "pandas.errors.IndexingError",
        "pandas.errors.IntCastingNaNError",
        "pandas.errors.InvalidIndexError",
        "pandas.errors.MergeError",
        "pandas.errors.OutOfBoundsDatetime",
        "pandas.errors.ParserError",
        "pandas.errors.UndefinedVariableError",
        "pandas._libs.tslibs.parsing.DateParseError",
        "sklearn.exceptions.NotFittedError",
        "sklearn.utils._param_validation.InvalidParameterError",
        "scipy.sparse.linalg._eigen.arpack.arpack.ArpackNoConvergence",
        "xgboost.core.XGBoostError",
        "lightgbm.basic.LightGBMError",
        "_catboost.CatBoostError",
        "torch.OutOfMemoryError",
        "torch.cuda.OutOfMemoryError",
        "tensorflow.python.framework.errors_impl.InvalidArgumentError",
        "tensorflow.python.framework.errors_impl.NotFoundError",
        "tensorflow.python.framework.errors_impl.ResourceExhaustedError",
        "tensorflow.python.framework.errors_impl.InternalError",
    }
)
NAMES = BUILTIN | LIBRARIES


def nearest(kind: type[BaseException]) -> str:
    """The first class of `kind`'s ancestry that may be named, the class itself included."""
    for each in kind.__mro__:
        name = (
            each.__qualname__ if each.__module__ == "builtins" else f"{each.__module__}.{each.__qualname__}"
        )
        if name in NAMES:
            return name
    return "BaseException"
