# make demo    develops the raw file in demo/ and says where the photo is
# make test    runs all tests
# make lint    style, types, who imports whom
# make bench   speed and quality beside the peers, about a quarter of an hour
# make quality the simulated camera's raws through every developer, judged against the truth, six minutes
# Each works alone and first: Python 3.11 with venv is all that they need.

PYTHON ?= python3
BIN := .venv/bin
LIBRARY := src/anylens/kernels/libanylens_kernels.so
PIP := $(BIN)/pip install --quiet --disable-pip-version-check

.PHONY: demo test lint bench quality kernels clean

demo: .venv/installed kernels
	@$(BIN)/anylens develop demo/GOPR0024.dng --time -o demo/out/

test: .venv/installed-test kernels
	@$(BIN)/pytest -n auto --dist loadfile

lint: .venv/installed-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/installed-bench kernels
	@for name in noise_spectrum demosaic remosaic denoise color white_balance edges local_tone kernels develop; do $(BIN)/python -m benchmarks.$$name || exit 1; done

quality: .venv/installed-bench kernels
	@$(BIN)/python -m benchmarks.quality

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "anylens needs Python 3.11 or newer")'
	@echo "Making .venv"
	@$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml hatch_build.py | $(BIN)/pip
	@echo "Installing anylens into .venv and compiling its kernels (two or three minutes the first time)"
	@$(PIP) --editable .
	@touch $@

.venv/installed-test: pyproject.toml hatch_build.py | $(BIN)/pip
	@echo "Installing anylens and its tests into .venv and compiling the kernels (two or three minutes the first time)"
	@$(PIP) --editable '.[test]'
	@touch .venv/installed $@

.venv/installed-bench: pyproject.toml hatch_build.py | $(BIN)/pip
	@echo "Installing anylens and what it is compared with into .venv (two or three minutes the first time)"
	@$(PIP) --editable '.[bench]'
	@touch .venv/installed $@

# The library again where a kernel is newer; without Halide in .venv, pip brings it for the build.
kernels: | $(BIN)/pip
	@if [ -e $(LIBRARY) ] && [ -n "$$(find src/anylens/kernels -name '*.py' -newer $(LIBRARY))" ]; then \
	    echo "Compiling the kernels that changed"; \
	    if $(BIN)/python -c 'import halide, ziglang' 2>/dev/null; then $(BIN)/python -m anylens.kernels.compile; \
	    else $(PIP) --editable .; fi; fi

clean:
	rm -rf .venv build dist demo/out $(LIBRARY)
