#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/man_page.h"
#include "cli/option_table.h"

namespace citer::cli {

namespace {

int write_manual(const CLI::App& app, const std::filesystem::path& folder) {
  const std::vector<CommandEntry> commands = option_table(app);
  create_folder(folder);
  write_file(folder / "citer.1", main_page(app.get_description(), commands));
  for (const CommandEntry& command : commands) {
    write_file(folder / ("citer-" + command.name + ".1"), command_page(command));
  }
  write_file(folder / "citer.bash", bash_completion(commands));
  write_file(folder / "citer.zsh", zsh_completion(commands));
  write_file(folder / "citer.fish", fish_completion(commands));
  return 0;
}

}  // namespace

Run add_manual(CLI::App& app) {
  auto folder = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "manual", "Write the manual pages and the completions of shells into a folder");
  command->group("");  // hidden: `cmake --install` calls it
  command->add_option("folder", *folder, "Folder")->required();
  return [&app, folder] { return write_manual(app, *folder); };
}

}  // namespace citer::cli
