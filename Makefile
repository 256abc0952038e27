# make build   set-up + build: build/bin/nnunet and the tests
# make demo    the main job: data, preprocessing, training, evaluation, prediction, score
#              (a phantom dataset; DATA=folder TASK=04 for a Medical Segmentation Decathlon task)
# make test    all tests
# Variables: TORCH_PYTHON=python3 (use the torch that this interpreter has), JOBS=2, DEMO_EPOCHS=..
JOBS ?= $(shell nproc)
export TORCH_PYTHON

.PHONY: setup configure program build demo test asan clean

setup:
	@scripts/setup.sh

configure: setup
	@cmake --preset release

build: configure
	@cmake --build build --parallel $(JOBS)

# The program without the tests.
program: configure
	@cmake --build build --parallel $(JOBS) --target nnunet_app

demo: program
	@DATA="$(DATA)" TASK="$(TASK)" DEMO_EPOCHS="$(DEMO_EPOCHS)" scripts/demo.sh

test: build
	@ctest --test-dir build --output-on-failure --parallel $(JOBS)

# What takes too long for every change: all tests under AddressSanitizer and UndefinedBehaviorSanitizer.
asan: setup
	@cmake --preset asan-ubsan > /dev/null
	@cmake --build build-asan-ubsan --parallel $(JOBS)
	@ctest --test-dir build-asan-ubsan --output-on-failure --parallel $(JOBS)

clean:
	@rm -rf build build-debug build-asan-ubsan demo
