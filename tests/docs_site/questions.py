"""What a newcomer asks, written down before the pages were: where is the answer?

QUESTIONS: question, page that must answer it, and words of the answer on that page.
Each page must be within two clicks from the start page, by links in the text.

SYMPTOMS: what a user types into the search, and the heading on `faq.html` that answers.
"""

QUESTIONS = [
    ("How do I install it, and see it run?", "index.html", "pip install"),
    (
        "Which model is for my data: a table, a log, images?",
        "choosing-a-model.html",
        "What do you have?",
    ),
    (
        "How do I give the ids and categories of my table to a network?",
        "tables.html",
        "category, string, boolean",
    ),
    (
        "What do I recommend to a customer who came today?",
        "recommending.html",
        "Nothing has to be fitted again for a customer who came after",
    ),
    (
        "Grid, random, Bayes or Hyperband: which search?",
        "choosing-a-search.html",
        "needs no decision on how few",
    ),
    (
        "My search was killed after six hours: must it begin again?",
        "resuming.html",
        "goes on where it was when you run it again",
    ),
    (
        "How do I use all cores, a cluster, or GPUs?",
        "scaling-processes.html",
        "trains on all cores with n_jobs=-1",
    ),
    (
        "How do I save the model and answer requests with it elsewhere?",
        "shipping.html",
        "saves a fitted estimator as one file",
    ),
    (
        "I have a Keras model, or a program with scikeras: what do I change?",
        "from-scikeras.html",
        "Change one import",
    ),
    (
        "Why is the result another one each time that I run it?",
        "faq.html",
        "Set random_state to an integer",
    ),
    (
        "What does each parameter of a model do, and what is its default?",
        "api/skrec.CNNClassifier.html",
        "learning_rate",
    ),
    (
        "Is it any better than gradient boosting, and how fast is it?",
        "benchmarks.html",
        "boosting",
    ),
]

SYMPTOMS = [
    ("memory grows", "Memory grows during a search"),
    ("memory leak del model", "A process keeps its memory after del model"),
    ("GPU out of memory n_jobs", "GPU out of memory with n_jobs"),
    ("CUDA_ERROR_OUT_OF_MEMORY", "GPU out of memory with n_jobs"),
    ("ResourceExhaustedError OOM", "GPU out of memory with n_jobs"),
    ("GPU is not used", "The GPU is not used"),
    ("all scores 0", "All scores 0"),
    ("ndcg 0 recommender", "All scores 0"),
    ("Invalid parameter for estimator", "Invalid parameter"),
    ("AUC stuck at .5", "AUC stuck at .5"),
    ("accuracy most frequent class", "Accuracy stays"),
    ("slower than scikit-learn", "Slower than scikit-learn"),
    ("different result each run", "A different result each run"),
    ("unknown ids predict", "Unknown ids"),
    ("new user cold start", "Nothing is known of a user"),
    ("unexpected keyword argument hidden_layer_sizes", "TypeError: got an unexpected"),
    ("loss nan FloatingPointError", "Loss became nan"),
    ("Input X contains NaN", "Input X contains NaN"),
    ("columns hold dates", "Columns hold dates or durations"),
    ("No module named optuna", "No module named"),
    ("search hangs fork", "TensorFlow had started before this process was forked"),
    ("TerminatedWorkerError", "TerminatedWorkerError"),
    ("worker stopped while some jobs", "A worker stopped"),
    ("can't pickle local object", "Can't pickle local object"),
    ("UnusableFileError", "The file cannot be loaded"),
    ("best_score_ nan all fits failed", "best_score_ is nan"),
    ("worse than in the search", "Worse than in the search"),
    ("candidates must be items of fit", "Candidates must be items of fit"),
    ("could not find cuda drivers", "Could not find cuda drivers"),
    ("disk full memory folder grows", "Disk full"),
    ("memory has no effect", "memory= has no effect"),
]
