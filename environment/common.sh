# What setup.sh and ./sarsynth share: places, versions and the environment of every process they start. Sourced, with $root set.
artifacts=$root/artifacts
plotly_version=4.1.2
plotly_sha512=552992f4a54dba7d7a4bca85618a7d2e52ff5c16f2e2e79e1aa07e2bd02a44256cba9f1d4a91942daa785324757f69b3e29577aa35a9d6c479721c0b80828fa1
plotly=$artifacts/plotly/plotly.min.js
playwright_version=1.61.1 # The last line for the Node.js of Ubuntu 24.04.
mermaid_version=12.0.0
mermaid_sha512=656f585f2fb7b522cfb1c053f8d9d03b42b4a981fb046112e6713197a4a7a3281ecbbc5dd8dd1c3bb36adf437993fbbb808798a02ae5772572f954c2316acd0d
mermaid=$artifacts/plotly/mermaid.tiny.js
interactive_version=1.0.712001
fsharp_version=10.1.403 # What Plotly.NET asks for.
interactive=$artifacts/dotnet-interactive
kernel_dll=$artifacts/bin/SarSynth.Kernel/release/sarsynth-kernel.dll
cli_dll=$artifacts/bin/SarSynth.Cli/release/sarsynth-cli.dll
parity_dll=$artifacts/bin/SarSynth.Parity/release/SarSynth.Parity.dll
jupyter_data=${JUPYTER_DATA_DIR:-${XDG_DATA_HOME:-${HOME:-/root}/.local/share}/jupyter}

export HOME=${HOME:-/root}
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_CLI_UI_LANGUAGE=en LC_ALL=${LC_ALL:-C.UTF-8}
if ! command -v dotnet > /dev/null; then
    for folder in "${DOTNET_ROOT:-}" "$HOME/.dotnet" /usr/share/dotnet /usr/lib/dotnet; do
        if [ -n "$folder" ] && [ -x "$folder/dotnet" ]; then export PATH=$folder:$PATH DOTNET_ROOT=$folder; break; fi
    done
fi

# The compiler's errors from a build's log; of a log without any, its end.
build_errors() {
    grep -E '(error|warning) [A-Z]+[0-9]+' "$artifacts/build.log" | sort -u | head -n 20 || tail -n 20 "$artifacts/build.log"
}

# Prints the browser that draws figures.
find_chromium() {
    local name
    for name in "${SARSYNTH_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable chromium-headless-shell; do
        [ -n "$name" ] && command -v "$name" && return 0
    done
    name=$(ls -d "$HOME"/.cache/ms-playwright/chromium_headless_shell-*/*/*headless[-_]shell 2>/dev/null | sort -V | tail -n 1)
    [ -n "$name" ] && echo "$name"
}

# A fingerprint of the sources in the folders named, and of what all builds share.
tree_stamp() {
    (cd "$root" && find "$@" Directory.Build.props Directory.Packages.props global.json \
        -type f ! -path '*/obj/*' ! -path '*/bin/*' 2>/dev/null | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum | cut -d' ' -f1)
}
