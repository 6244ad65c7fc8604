#!/bin/bash
# Builds libsystemtorch.so against the system's libtorch, or against the one that SARSYNTH_LIBTORCH names (its root: include/, lib/).
# Usage: build.sh [OUTPUT]; does nothing when the library is newer than the sources and libtorch.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:-$here/../../../artifacts/native/libsystemtorch.so}
mkdir -p "$(dirname "$out")"
out=$(cd "$(dirname "$out")" && pwd)/$(basename "$out")

if [ -n "${SARSYNTH_LIBTORCH:-}" ]; then
    root=$SARSYNTH_LIBTORCH
    [ -d "$root/include" ] && [ -d "$root/lib" ] || { echo "build.sh: SARSYNTH_LIBTORCH=$root has no include/ and lib/" >&2; exit 1; }
    includes="-I$root/include -I$root/include/torch/csrc/api/include"
    libs="-L$root/lib -Wl,-rpath,$root/lib"
    libdir=$root/lib
else
    found=$(find /usr/lib /usr/local/lib -maxdepth 2 -name libtorch_cpu.so -print -quit 2>/dev/null || true)
    [ -n "$found" ] && [ -f /usr/include/torch/csrc/autograd/autograd.h ] || {
        echo "build.sh: no libtorch found; install libtorch-dev, or name another with SARSYNTH_LIBTORCH" >&2; exit 1; }
    includes="-I/usr/include/torch/csrc/api/include"
    libs=""
    libdir=$(dirname "$found")
fi

# What the library was built from: when this is unchanged there is nothing to do.
stamp=$( { cat "$here"/*.cpp "$here"/*.h "$here/build.sh"; stat -L -c '%n %s %Y' "$libdir"/libtorch_cpu.so; } | sha256sum | cut -d' ' -f1)
[ -f "$out" ] && [ -f "$out.stamp" ] && [ "$(cat "$out.stamp")" = "$stamp" ] && exit 0

# A libtorch of PyTorch's own older packages has strings of the old C++ ABI. (grep -c reads to the end: with -q, nm could die of the closed pipe.)
new_strings=$(nm -DC --defined-only "$libdir/libc10.so" | grep -c 'std::__cxx11::basic_string' || true)
abi=""
[ "$new_strings" -gt 0 ] || abi="-D_GLIBCXX_USE_CXX11_ABI=0"
cuda=""
[ -f "$libdir/libtorch_cuda.so" ] && cuda="-Wl,--no-as-needed -ltorch_cuda -lc10_cuda"

echo "building libsystemtorch.so against $libdir" >&2
temporary=$(mktemp -d "$(dirname "$out")/build.XXXXXX")
trap 'rm -rf "$temporary"' EXIT
pids=()
# -fopenmp, without which at::parallel_for is a plain loop; the runtime is the one that libtorch brings, so it is not linked again.
# GCC 14 sees an overflow in the vector<bool> of libtorch's own custom_function.h, where there is none.
for source in "$here"/*.cpp; do
    ${CXX:-g++} -std=c++17 -O3 -fopenmp -fPIC -fvisibility=hidden -Wno-deprecated-declarations -Wno-stringop-overflow $abi $includes -c "$source" -o "$temporary/$(basename "$source" .cpp).o" &
    pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || { echo "build.sh: the compiler failed" >&2; exit 1; }; done
${CXX:-g++} -shared "$temporary"/*.o -o "$temporary/lib.so" $libs -Wl,--no-as-needed -ltorch -ltorch_cpu -lc10 $cuda -ldl
missing=$(ldd -r "$temporary/lib.so" 2>&1 | grep -c 'undefined symbol' || true)
[ "$missing" -eq 0 ] || { echo "build.sh: $missing symbols are missing in $libdir; is it a libtorch of another version than its headers?" >&2; exit 1; }
mv -f "$temporary/lib.so" "$out"
echo "$stamp" > "$out.stamp"
