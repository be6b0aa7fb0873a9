"""Tasks of scikit-learn's callbacks: what they are called, and which is which."""

from collections.abc import Iterator

from sklearn.callback import CallbackContext

# What scikit-learn names the tasks in which a search fits its estimator.
EVALUATION, REFIT = "candidate-split-evaluation", "refit-with-best-params"


def lineage(context: CallbackContext | None) -> Iterator[CallbackContext]:
    """Yield a task and those that it is part of, innermost first.

    Parameters
    ----------
    context : CallbackContext or None
        The task.

    Yields
    ------
    CallbackContext
        A task.
    """
    while context is not None:
        yield context
        context = context.parent


def place_of(context: CallbackContext) -> tuple:
    """Return what identifies a task, also in the copy that a worker gets.

    Parameters
    ----------
    context : CallbackContext
        The task.

    Returns
    -------
    tuple
        The tree of tasks that it is in, and the numbers of the task and of those that
        it is part of, innermost first.
    """
    return context.root_uuid, *(task.task_id for task in lineage(context))


def names_of(context: CallbackContext) -> set[str | None]:
    """Return what a task is called: by its estimator, and by what fits that.

    Parameters
    ----------
    context : CallbackContext
        The task.

    Returns
    -------
    set of str or None
        The names.
    """
    return {context.task_name, context.source_task_name}
