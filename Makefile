# make build   set-up + build: build/bin/nnunet and the tests
# make infer   the part without torch alone: build-infer/bin/nnunet, and its tests (set-up, build, tests)
# make wheel   the Python package, without torch: dist/nnunet_native-*.whl (set-up, build)
# make demo    the main job: data, preprocessing, training, evaluation, prediction, score
#              (a phantom dataset; DATA=folder TASK=04 for a Medical Segmentation Decathlon task)
# make test    all tests
# make docs    docs/commands.md, man pages and completion anew, from the options that the commands declare
# make dist    Debian packages, a tarball for other Linux systems, the Python wheel: dist/ (docs/packages.md)
# make lint    format and clang-tidy (scripts/lint.sh), after make build
# make slow    what takes too long for every change (tests/slow)
# make asan    all tests under AddressSanitizer and UndefinedBehaviorSanitizer; make tsan: those of the rooms without
#              torch under ThreadSanitizer; make fuzz: each fuzz target for FUZZ_SECONDS=600
# Variables: TORCH_PYTHON=python3 (use the torch that this interpreter has), JOBS=2, DEMO_EPOCHS=.., CMAKE_FLAGS=-D..
JOBS ?= $(shell nproc)
# Tests run beside each other: threads that wait leave the cores to the others' work.
CTEST = OMP_WAIT_POLICY=passive ctest
export TORCH_PYTHON

.PHONY: setup configure program build infer wheel demo test docs dist lint slow asan tsan fuzz clean

setup:
	@scripts/setup.sh

configure: setup
	@cmake --preset release $(CMAKE_FLAGS)

build: configure
	@cmake --build build --parallel $(JOBS)

# The program without the tests.
program: configure
	@cmake --build build --parallel $(JOBS) --target nnunet_app

infer:
	@scripts/setup.sh --without-torch
	@cmake --preset infer $(CMAKE_FLAGS)
	@cmake --build build-infer --parallel $(JOBS)
	@$(CTEST) --test-dir build-infer --output-on-failure --parallel $(JOBS)

wheel:
	@scripts/wheel.sh

demo: program
	@DATA="$(DATA)" TASK="$(TASK)" DEMO_EPOCHS="$(DEMO_EPOCHS)" scripts/demo.sh

test: build
	@$(CTEST) --test-dir build --output-on-failure --parallel $(JOBS)

docs: configure
	@cmake --build build --parallel $(JOBS) --target nnunet_docs
	@build/bin/nnunet-docs .

dist: program
	@JOBS=$(JOBS) scripts/dist.sh

lint: build
	@scripts/lint.sh

slow: build
	@scripts/slow_tests.sh

asan: setup
	@cmake --preset asan-ubsan > /dev/null
	@cmake --build build-asan-ubsan --parallel $(JOBS)
	@ctest --test-dir build-asan-ubsan --output-on-failure --parallel $(JOBS)

tsan: setup
	@scripts/setup_clang.sh
	@scripts/tsan.sh

fuzz: setup
	@scripts/setup_clang.sh
	@scripts/fuzz.sh

clean:
	@rm -rf build build-infer build-wheel build-debug build-asan-ubsan build-asan-base build-tsan build-fuzz dist demo
