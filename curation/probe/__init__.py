"""What a model shows about traces that it never saw: how strange it finds a stage, and where it is led astray.

A run is repeated once for each fold of its release, without the traces of that fold, and the model of each fold judges
the traces that it did not see. A model that was not trained on the release judges all of them as it is.

    planning        which of the two, and with which settings
    folds           the work, a process for each fold, kept on disk as it goes
    neighbours      losses of each stage, against those of the same stage of like questions
    astray          of the traces that stand out most: what the model answers when it goes on from after each stage
    findings        what is said of a trace in the store; report is what is said to the user
"""
