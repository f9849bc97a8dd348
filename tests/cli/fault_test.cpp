// What happens to long work when the disk is full or may not be written; docs/reliability.md lists
// what must hold. tests/faults/stop.sh stops it.
#include <sys/mount.h>

#include "cli/program.h"

namespace citer {
namespace {

namespace fs = std::filesystem;
using test::Arguments;
using test::kInputError;
using testing::AllOf;
using testing::HasSubstr;

/// With a disk of its own, of which the test says how large it is and whether it may be written.
class Faults : public test::BundledProgramTest {
 protected:
  Faults() { fs::create_directory(disk_); }
  ~Faults() override {
    if (is_mounted_) umount(disk_.c_str());
  }

  /// Makes, or changes, the disk; false where this is not allowed.
  bool mount_disk(const std::string& size, unsigned long flags = 0) {
    const unsigned long again = is_mounted_ ? MS_REMOUNT : 0;
    const bool done =
        mount("tmpfs", disk_.c_str(), "tmpfs", flags | again, ("size=" + size).c_str()) == 0;
    is_mounted_ = is_mounted_ || done;
    return done;
  }

  std::string on_disk(const std::string& name) const { return disk_ / name; }

  Arguments collect() const {
    return {"collect", "--data", bundled("data/mc.train.jsonl"),
            "--limit", "48",     "--workers",
            "1",       "--out",  on_disk("p.gguf")};
  }
  Arguments train() const {
    return {"train",
            "--data",
            bundled("data/mc.train.jsonl"),
            "--limit",
            "32",
            "--valid",
            first_lines("mc.valid.jsonl", 8),
            "--rounds",
            "1",
            "--epochs",
            "2",
            "--folds",
            "4",
            "--out",
            on_disk("r.gguf")};
  }
  Arguments evaluate() const {
    return {"eval",    "--data", bundled("data/math.valid.jsonl"),
            "--limit", "4",      "--policies",
            "slm",     "--out",  on_disk("report")};
  }
  Arguments trace() const {
    return {"generate", "-p", "Question: 3 + 4?", "-n", "4", "--trace", on_disk("trace.jsonl")};
  }

  /// Runs to an error of one line that names the disk and says why; progress may stand before it.
  void expect_refused(const Arguments& arguments, const std::string& why) const {
    const test::ProcessResult result = run(arguments);
    EXPECT_EQ(result.status, kInputError) << arguments.front() << ": " << result.err;
    const std::size_t line = result.err.rfind("citer: ");
    ASSERT_NE(line, std::string::npos) << arguments.front() << ": " << result.err;
    EXPECT_THAT(result.err.substr(line), AllOf(HasSubstr(disk_.string()), HasSubstr(why)))
        << arguments.front();
  }

  fs::path disk_ = folder_ / "disk";
  bool is_mounted_ = false;
};

TEST_F(Faults, AFolderThatMayNotBeWrittenIsNamed) {
  if (!mount_disk("1m", MS_RDONLY)) GTEST_SKIP() << "may not mount a small tmpfs";
  for (const Arguments& arguments : {collect(), train(), evaluate(), trace()}) {
    expect_refused(arguments, "Read-only file system");
  }
}

TEST_F(Faults, AFullDiskIsSaidAndTheSameCommandGoesOn) {
  if (!mount_disk("24k")) GTEST_SKIP() << "may not mount a small tmpfs";
  for (const Arguments& arguments : {collect(), train()}) {
    expect_refused(arguments, "No space left");
    ASSERT_TRUE(mount_disk("8m"));
    run_long(arguments);
    for (const auto& entry : fs::directory_iterator(disk_)) {
      EXPECT_EQ(entry.path().string().find(".tmp"), std::string::npos) << entry.path();
      fs::remove_all(entry.path());
    }
    ASSERT_TRUE(mount_disk("24k"));
  }
}

}  // namespace
}  // namespace citer
