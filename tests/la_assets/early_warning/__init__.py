"""Early warning: features as of a day, labels, models, scores, evaluation, audit."""
