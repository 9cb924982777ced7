# Short names for what run.py does. Nothing here is needed to use the product.
.PHONY: run worker test check golden audit

run:  ## the product, on http://127.0.0.1:8000/
	python3 run.py up

worker:  ## one more worker beside `make run`, on the same data
	python3 run.py manage worker

test:  ## the tests, without the long ones
	python3 run.py test

check:  ## exactly what CI runs
	.ci/run

golden:  ## the scenario files: figures with their sources
	python3 run.py test tests/engine/test_golden.py -q

audit:  ## every invariant of the ledger, on the data of `make run`
	python3 run.py manage verify_ledger
