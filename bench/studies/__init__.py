"""Early-warning models on public data that nobody on this project wrote: the project's own learner, one configuration per data set."""
