"""Value-added: what a class gained beyond what its students' earlier scores foretell, with its uncertainty."""
