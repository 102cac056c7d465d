"""Array kernels: each file says what is computed (algorithm, reference) and, apart from it, how (schedule)."""
