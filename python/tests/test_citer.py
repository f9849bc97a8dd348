"""On the bundled pair, whose folder CITER_MODEL_DIR names."""

import os
import pathlib
import tempfile
import threading
import unittest

import citer

MODELS = pathlib.Path(os.environ["CITER_MODEL_DIR"])
SLM, LLM, ROUTER = (MODELS / name for name in ("slm.gguf", "llm.gguf", "router-citer.gguf"))
QUESTION = (
    "Question: Xenia has 136 dollars. She spends 29 dollars on badges and 39 dollars on shells. "
    "How many dollars does Xenia keep?\nSolution:"
)


class Generate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pair = citer.Pair(SLM, LLM, routers=[ROUTER], sequences=2, threads=1)

    def test_an_answer_is_written_by_both(self):
        answer = self.pair.generate(QUESTION, policy="citer", max_tokens=64)
        self.assertIn("\\boxed{", answer.text)
        self.assertEqual(answer.finish_reason, "stop")
        self.assertTrue(0 < answer.llm_tokens < answer.tokens)

    def test_a_stream_is_the_whole_answer_in_pieces(self):
        whole = self.pair.generate(QUESTION, policy="maxprob", threshold=0.9, max_tokens=48)
        pieces = list(self.pair.stream(QUESTION, policy="maxprob", threshold=0.9, max_tokens=48))
        self.assertEqual("".join(piece.text for piece in pieces), whole.text)
        self.assertEqual({piece.by_llm for piece in pieces}, {True, False})

    def test_a_stream_that_is_left_ends(self):
        stream = self.pair.stream(QUESTION, policy="llm", max_tokens=300)
        self.assertTrue(next(stream).text)
        stream.close()
        self.assertTrue(self.pair.generate(QUESTION, policy="slm", max_tokens=4).text)

    def test_threads_write_what_one_writes(self):
        alone = self.pair.generate(QUESTION, policy="slm", max_tokens=32).text
        texts = []
        threads = [
            threading.Thread(
                target=lambda: texts.append(self.pair.generate(QUESTION, policy="slm", max_tokens=32).text)
            )
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(texts, [alone] * 4)

    def test_errors_are_the_librarys(self):
        with self.assertRaisesRegex(citer.InputError, "none.gguf"):
            citer.Pair("none.gguf", LLM)
        with self.assertRaisesRegex(citer.UsageError, "best"):
            self.pair.generate(QUESTION, policy="best")
        with self.assertRaisesRegex(citer.UsageError, "best"):
            next(self.pair.stream(QUESTION, policy="best"))


class Learn(unittest.TestCase):
    def test_a_router_is_trained_and_evaluated(self):
        with tempfile.TemporaryDirectory() as folder:
            router = pathlib.Path(folder) / "router.gguf"
            data = MODELS / "data"
            learned = citer.train(
                SLM,
                LLM,
                [data / "mc.train.jsonl"],
                router,
                valid=[data / "mc.valid.jsonl"],
                limit=32,
                rounds=1,
                epochs=2,
                folds=4,
                threads=1,
            )
            self.assertEqual(learned.rounds, 1)
            self.assertLessEqual(learned.slm_accuracy, learned.llm_accuracy)
            pair = citer.Pair(SLM, LLM, routers=[router], sequences=8, threads=1)
            summary = citer.evaluate(
                pair,
                [data / "mc.test.jsonl"],
                pathlib.Path(folder) / "report",
                policies=["slm", "citer", "llm"],
                budgets=[0.3],
                limit=8,
            )
            shares = {run.policy: run.llm_share.value for run in summary.runs}
            self.assertEqual((shares["slm"], shares["llm"]), (0, 1))
            self.assertTrue((pathlib.Path(folder) / "report" / "report.html").exists())


if __name__ == "__main__":
    unittest.main()
