# Sourced by the benchmarks: pads the bundled pair and its router to the shapes $slm and $llm; sets slm_file,
# llm_file, router, and work, a folder for what is made on the way.
work=build/bench
mkdir -p "$work"
inflate() { # MODEL SHAPE TYPE: prints the padded file's path
  local out=$PWD/$work/$1-$2-$3.gguf
  [ "$out" -nt "models/demo/$1.gguf" ] ||
    build/release/citer-inflate "models/demo/$1.gguf" "$out" --like "$2" --type "$3" >&2
  echo "$out"
}
slm_file=$(inflate slm "$slm" Q8_0)
llm_file=$(inflate llm "$llm" "$llm_type")
router=$PWD/$work/router-$slm.gguf
build/release/citer-inflate models/demo/router-citer.gguf "$router" --router-slm "$slm_file"
