// hub-server PORT USER/NAME/FILE.gguf=PATH ...: a hub on the loopback that serves these files until
// its standard input ends. For trying -hf by hand.
#include <cstdio>
#include <string>
#include <string_view>

#include "hub_server/hub_server.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: hub-server PORT USER/NAME/FILE.gguf=PATH ...\n", stderr);
    return 2;
  }
  citer::test::HubServer server(std::stoi(argv[1]));
  for (int i = 2; i < argc; ++i) {
    const std::string_view served = argv[i];
    const std::size_t equals = served.find('=');
    const std::size_t slash = served.find('/', served.find('/') + 1);
    if (equals == std::string_view::npos || slash >= equals) {
      std::fprintf(stderr, "'%s': expected USER/NAME/FILE.gguf=PATH\n", argv[i]);
      return 2;
    }
    server.add_file(std::string(served.substr(0, slash)),
                    std::string(served.substr(slash + 1, equals - slash - 1)),
                    std::string(served.substr(equals + 1)));
  }
  std::printf("HF_ENDPOINT=%s\n", server.endpoint().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}
