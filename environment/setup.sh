#!/bin/bash
# Installs and builds all that the kit needs on this machine, and registers the Jupyter kernel for this user.
# Safe to run again: a step that is done is passed over. The full log is artifacts/setup.log.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/environment/common.sh"

usage() {
    cat <<'END'
Usage: environment/setup.sh [--engine cpu|cuda] [--kernel NAME] [--kit] [--bench] [--ranks]
                            [--yes] [--remove]

  --engine NAME   cpu (the default on a new checkout), or cuda: TorchSharp with libtorch for NVIDIA GPUs
  --kernel NAME   sarsynth (the default), or dotnet-interactive: that one besides, as kernel 'dotnet-interactive-csharp'
  --kit           also build the kit, so that notebooks run at once (demo, lab and the devcontainer do this)
  --bench         also install what ./sarsynth bench compares with (python3-torch, OpenBLAS)
  --ranks         also install MPI (MPICH), for trainings by several processes; clusters have their own
  --yes           do not ask before installing system packages
  --remove        unregister the kernel and remove what setup.sh built; system packages stay
END
}

engine="" kernel=sarsynth kit=no bench=no ranks=no yes=no remove=no
while [ $# -gt 0 ]; do
    case $1 in
        --engine) engine=${2:-}; shift ;;
        --engine=*) engine=${1#--engine=} ;;
        --kernel) kernel=${2:-}; shift ;;
        --kernel=*) kernel=${1#--kernel=} ;;
        --kit) kit=yes ;;
        --bench) bench=yes ;;
        --ranks) ranks=yes ;;
        --yes | -y) yes=yes ;;
        --remove) remove=yes ;;
        --help | -h) usage; exit 0 ;;
        *) echo "setup.sh: '$1' is not an option." >&2; usage >&2; exit 2 ;;
    esac
    shift || { usage >&2; exit 2; }
done
case $engine in
    "" | cpu | cuda) ;;
    *) echo "setup.sh: --engine '$engine': expected cpu or cuda." >&2; exit 2 ;;
esac

case $kernel in
    sarsynth | dotnet-interactive) ;;
    *) echo "setup.sh: --kernel '$kernel': expected sarsynth or dotnet-interactive." >&2; exit 2 ;;
esac

mkdir -p "$artifacts" || exit 1
log=$artifacts/setup.log
started=$SECONDS

# Two runs at once (a notebook and a terminal) would build into the same folders.
exec 8> "$artifacts/setup.lock"
if ! flock -n 8 2>/dev/null; then
    echo "setup: another setup.sh is running in this checkout; waiting for it."
    flock 8
fi

# step TITLE FUNCTION: runs FUNCTION with its output in the log. FUNCTION says by 'done_already' that nothing was to do,
# leaves in $mend what a person can do when it fails, and may speak to the person on descriptor 3.
exec 3>&1
step() {
    local title=$1 function=$2 begun=$SECONDS
    note="" mend=""
    printf '\n=== %s (%s)\n' "$title" "$(date -u +%FT%TZ)" >> "$log"
    printf '  %-34s' "$title"
    if "$function" >> "$log" 2>&1; then
        printf '%s%s\n' "${note:-done}" "$([ $((SECONDS - begun)) -ge 2 ] && echo " ($((SECONDS - begun)) s)")"
        return 0
    fi
    printf 'FAILED\n\nsetup: the step "%s" failed. The last lines of its log:\n\n' "$title" >&2
    tac "$log" | sed '/^=== /Q' | tac | tail -n 12 | sed 's/^/    /' >&2
    printf '\n  What to do: %s\n  Full log:   %s\n' "${mend:-read the log above, mend the cause, and run environment/setup.sh again.}" "$log" >&2
    exit 1
}
done_already() { note="there${1:+ ($1)}"; }

# --- Debian packages -------------------------------------------------------------------------------------------------

wanted_groups() {
    echo "system raster kernel jupyter figures"
    [ $bench = no ] || echo "bench"
    [ $ranks = no ] || echo "ranks"
}

# missing_packages GROUPS: prints the packages that are missing; of alternatives the first that this release has.
missing_packages() {
    local groups installed available group line name candidate wanted=()
    groups=" $(echo $1) "
    installed=$'\n'$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p')$'\n'
    while read -r group line; do
        case $group in "" | \#*) continue ;; esac
        [[ $groups == *" $group "* ]] || continue
        for name in ${line//|/ }; do
            [[ $installed == *$'\n'"$name"$'\n'* ]] && continue 2
        done
        case $line in
            npm) { [ -f "$plotly" ] && [ -f "$mermaid" ] || command -v npm > /dev/null; } && continue ;;
            chromium*) find_chromium > /dev/null && continue ;;
        esac
        wanted+=("$line")
    done < "$root/environment/packages"
    [ ${#wanted[@]} != 0 ] || return 0
    available=$'\n'$(IFS='| '; apt-cache madison ${wanted[*]} 2>/dev/null | awk '{ print $1 }' | sort -u)$'\n'
    for line in "${wanted[@]}"; do
        candidate=${line%% *}
        # Ubuntu has no Chromium in its packages: see fetch_chromium.
        [[ $candidate == chromium* ]] && candidate=""
        for name in ${line//|/ }; do
            [[ $available == *$'\n'"$name"$'\n'* ]] && candidate=$name && break
        done
        [ -z "$candidate" ] || echo "$candidate"
    done | sort -u | paste -sd' '
}

# Becomes root where that is possible, renews the lists, says what will be installed, and asks when a person is there.
prepare_packages() {
    local missing size answer
    if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
        printf '  %-34s%s\n' "System packages" "not a Debian system: left to you (see environment/packages)"
        packaged=no
        return 0
    fi
    missing=$(missing_packages "$(wanted_groups)")
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" = 0 ]; then as_root=""
    elif command -v sudo > /dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then as_root="sudo"
    else
        echo "setup: these Debian packages are missing, and I am neither root nor may I use sudo: $missing" >&2
        echo "  What to do: as root, run: apt-get install --no-install-recommends $missing" >&2
        exit 1
    fi
    step "Package lists" update_lists
    # With fresh lists the choice among alternatives is right.
    missing=$(missing_packages "$(wanted_groups)")
    size=$(apt-get --print-uris -y --no-install-recommends install $missing 2>/dev/null | sed -n 's/^Need to get \(.*\) of archives.*/\1/p')
    echo "  To install with ${as_root:+$as_root }apt-get${size:+ (download: $size)}:"
    echo "$missing" | fold -s -w 100 | sed 's/^/    /'
    [ $yes = no ] && [ -t 0 ] && [ -t 1 ] || return 0
    read -r -p "  Install them now? [Y/n] " answer
    case $answer in "" | [yY]*) ;; *) echo "setup: nothing was installed."; exit 1 ;; esac
}
update_lists() {
    mend="check the machine's network and the package sources in /etc/apt."
    apt_get update
}

# apt_get ARGUMENTS: as root; waits for another apt or dpkg that holds a lock, and finishes an installation that was cut off.
apt_get() {
    local said=$artifacts/apt.log until=$((SECONDS + 900)) told="" finished=""
    local run=($as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive)
    while :; do
        "${run[@]}" apt-get -q -o Acquire::Retries=3 "$@" < /dev/null 2>&1 | tee "$said"
        [ "${PIPESTATUS[0]}" != 0 ] || return 0
        if grep -q 'dpkg was interrupted' "$said" && [ -z "$finished" ]; then
            finished=yes
            "${run[@]}" dpkg --configure -a < /dev/null
        elif grep -qE 'Could not get lock|Unable to (lock|acquire)|locked by another process' "$said" && [ $SECONDS -lt $until ]; then
            [ -n "$told" ] || printf 'waiting for another apt ... ' >&3
            told=yes finished=""
            mend="another apt or dpkg holds the lock (the log names its process): let it end, and run environment/setup.sh again."
            sleep 2
        else
            return 1
        fi
    done
}

install_packages() {
    local missing
    if [ $packaged = no ]; then done_already "left to you"; return 0; fi
    missing=$(missing_packages "$groups")
    if [ -z "$missing" ]; then done_already; return 0; fi
    mend="run '${as_root:+$as_root }apt-get install $missing' by hand and see what it says; then run environment/setup.sh again."
    apt_get -o Dpkg::Options::=--force-unsafe-io -y --no-install-recommends install $missing || return 1
    printf '%s\n' $missing >> "$artifacts/setup.packages"
    sort -u -o "$artifacts/setup.packages" "$artifacts/setup.packages"
}

# --- .NET, the tensor engine -----------------------------------------------------------------------------------------

check_dotnet() {
    local version
    mend="install the .NET 10 SDK (package dotnet-sdk-10.0, or the archive from the .NET site unpacked to ~/.dotnet)."
    command -v dotnet || { echo "There is no dotnet in PATH, in ~/.dotnet or in /usr/share/dotnet."; return 1; }
    # dotnet --version takes a third of a second; the list of SDK folders says the same.
    version=$(ls "$(dirname "$(readlink -f "$(command -v dotnet)")")/sdk" 2>/dev/null | grep -E '^[0-9]' | sort -V | tail -1)
    [ -n "$version" ] || version=$(cd "$root" && dotnet --version) || return 1
    [ "${version%%.*}" -ge 10 ] || { echo "The newest SDK here is $version; the kit needs 10.0."; return 1; }
    done_already "SDK $version"
}

engine_now() { sed -n 's:.*<TensorEngine>\(.*\)</TensorEngine>.*:\1:p' "$root/environment/engine.props" 2>/dev/null; }

choose_engine() {
    if [ "$(engine_now)" = "$chosen" ]; then done_already "$chosen"; return 0; fi
    mend="this machine's package source has no TorchSharp-cuda-linux at the pinned version: add one that has it (the public one) to NuGet.Config, or use --engine cpu."
    [ "$chosen" = cpu ] || (cd "$root" && dotnet restore src/SarSynth.Diffusion -p:TensorEngine=cuda --nologo) || return 1
    mend="check that $root/environment can be written."
    printf '<Project>\n  <PropertyGroup>\n    <TensorEngine>%s</TensorEngine>\n  </PropertyGroup>\n</Project>\n' "$chosen" \
        > "$root/environment/engine.props.new" && mv "$root/environment/engine.props.new" "$root/environment/engine.props" || return 1
    note="$chosen"
}

# --- plotly.js, kit and kernel -------------------------------------------------------------------------------------------

# fetch_script FILE PACKAGE VERSION SHA512: a script of an npm package, kept in FILE, and where Jupyter's pages can load it from
# without a network.
fetch_script() {
    local file=$1 package=$2 version=$3 sha512=$4 name folder archive
    name=$(basename "$file")
    if [ -f "$file" ] && [ "$(cat "$file.version" 2>/dev/null)" = "$version" ]; then
        done_already "$version"
    else
        mend="check that 'npm view $package@$version' answers (network, npm's registry setting)."
        folder=$(mktemp -d)
        archive=$(cd "$folder" && npm pack --silent "$package@$version" < /dev/null) || { rm -rf "$folder"; return 1; }
        mend="the package that came is not the pinned one: see which registry npm uses ('npm config get registry')."
        echo "$sha512  $folder/$archive" | sha512sum -c - || { rm -rf "$folder"; return 1; }
        mkdir -p "$(dirname "$file")"
        tar -xzf "$folder/$archive" -C "$folder" || { rm -rf "$folder"; return 1; }
        mv -f "$(find "$folder/package" -name "$name" | head -1)" "$file" && echo "$version" > "$file.version" || return 1
        rm -rf "$folder"
        note="$version"
    fi
    if ! cmp -s "$file" "$jupyter_data/nbextensions/sarsynth/$name"; then
        mkdir -p "$jupyter_data/nbextensions/sarsynth" && cp "$file" "$jupyter_data/nbextensions/sarsynth/$name"
    fi
}
fetch_plotly() { fetch_script "$plotly" plotly.js-dist-min "$plotly_version" "$plotly_sha512"; }
fetch_mermaid() { fetch_script "$mermaid" @mermaid-js/tiny "$mermaid_version" "$mermaid_sha512"; }

# Where the system has no Chromium, Playwright's: without one the kit works, but draws no figures as PNG.
fetch_chromium() {
    if find_chromium; then done_already; return 0; fi
    PLAYWRIGHT_SKIP_BROWSER_GC=1 npx --yes "playwright@$playwright_version" install --with-deps --only-shell chromium < /dev/null
    find_chromium || note="NOT FOUND: no PNG of figures; install Chromium, or name one with SARSYNTH_CHROMIUM"
}

kernel_is_there() {
    [ -f "$kernel_dll" ] && grep -qF "$kernel_dll" "$jupyter_data/kernels/.net-csharp/kernel.json" 2>/dev/null &&
        [ "$(cat "$artifacts/kernel.stamp" 2>/dev/null)" = "$kernel_stamp" ]
}
kit_is_there() { [ -f "$cli_dll" ] && [ "$(cat "$artifacts/kit.stamp" 2>/dev/null)" = "$kit_stamp" ]; }

# Kernel and kit are compiled while the system's packages install: that leaves a core free.
start_build() {
    local projects=()
    kernel_stamp=$(tree_stamp src/SarSynth.Kernel) kit_stamp=$(tree_stamp src environment) build=""
    kernel_is_there || projects+=(src/SarSynth.Kernel)
    [ $kit = no ] || kit_is_there || projects+=(src/SarSynth.Cli)
    [ ${#projects[@]} != 0 ] || return
    (cd "$root" && for project in "${projects[@]}"; do
        dotnet build "$project" -c Release --nologo -v minimal -nodeReuse:false || exit 1
    done) < /dev/null > "$artifacts/build.log" 2>&1 3>&- 8>&- &
    build=$!
    trap 'kill $build 2>/dev/null' EXIT
}

finish_build() {
    local spec=$jupyter_data/kernels/.net-csharp/kernel.json
    if [ -z "$build" ]; then done_already; return 0; fi
    mend="read $artifacts/build.log, mend the cause, and run environment/setup.sh again."
    wait "$build" || { build_errors; return 1; }
    cat "$artifacts/build.log"
    [ $kit = no ] || echo "$kit_stamp" > "$artifacts/kit.stamp"
    kernel_is_there && return
    mend="run by hand: dotnet $kernel_dll install --user"
    dotnet "$kernel_dll" install --user < /dev/null || return 1
    [ -f "$spec" ] || { echo "The kernel's installer ended well, but there is no $spec."; return 1; }
    echo "$kernel_stamp" > "$artifacts/kernel.stamp"
    note="done, registered as .net-csharp"
}

# .NET Interactive's own kernel, in a folder of this checkout and under a name of its own: the names that it would take are ours.
install_interactive() {
    local spec=$interactive/share/jupyter/kernels/dotnet-interactive-csharp tools probe
    if [ "$(cat "$interactive/version" 2>/dev/null)" = "$interactive_version, FSharp.Core $fsharp_version" ]; then
        done_already "$interactive_version"
    else
        mend="see whether the package source has Microsoft.dotnet-interactive $interactive_version and FSharp.Core $fsharp_version."
        rm -rf "$interactive"
        (cd "$artifacts" && dotnet tool install Microsoft.dotnet-interactive --version "$interactive_version" --tool-path "$interactive") || return 1
        tools=$(dirname "$(find "$interactive/.store" -name FSharp.Core.dll -path '*/tools/*' | head -1)")
        # Plotly.NET asks for a newer FSharp.Core than the tool has, and the tool's own goes before that beside the library.
        probe=$(mktemp -d)
        printf '<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup>%s</PropertyGroup>%s</Project>\n' \
            "<TargetFramework>net10.0</TargetFramework><CopyLocalLockFileAssemblies>true</CopyLocalLockFileAssemblies>" \
            "<ItemGroup><PackageReference Include=\"FSharp.Core\" Version=\"[$fsharp_version]\" /></ItemGroup>" > "$probe/probe.csproj"
        (cd "$probe" && dotnet build --nologo -v quiet -o out -nodeReuse:false && cp -L out/FSharp.Core.dll "$tools/FSharp.Core.dll")
        local copied=$?
        rm -rf "$probe"
        [ $copied = 0 ] || return 1
        find "$interactive/.store" -name '*.nupkg' -delete # Twice 49 MB that are unpacked already.
        mkdir -p "$spec"
        cat > "$spec/kernel.json" <<END
{
  "argv": ["$interactive/dotnet-interactive", "jupyter", "--default-kernel", "csharp", "{connection_file}", "--http-local-only"],
  "display_name": ".NET Interactive (C#)",
  "language": "C#",
  "env": { "DOTNET_INTERACTIVE_CLI_TELEMETRY_OPTOUT": "1", "DOTNET_CLI_TELEMETRY_OPTOUT": "1", "DOTNET_NOLOGO": "1" }
}
END
        echo "$interactive_version, FSharp.Core $fsharp_version" > "$interactive/version"
        note="$interactive_version, as dotnet-interactive-csharp"
    fi
    mkdir -p "$jupyter_data/kernels/dotnet-interactive-csharp" &&
        cp "$spec/kernel.json" "$jupyter_data/kernels/dotnet-interactive-csharp/kernel.json"
}

# --- removal ---------------------------------------------------------------------------------------------------------

remove_all() {
    if [ -f "$kernel_dll" ] && command -v dotnet > /dev/null; then dotnet "$kernel_dll" uninstall --user < /dev/null; fi
    if grep -qsF "$kernel_dll" "$jupyter_data/kernels/.net-csharp/kernel.json"; then rm -rf "$jupyter_data/kernels/.net-csharp"; fi
    if grep -qsF "$interactive/" "$jupyter_data/kernels/dotnet-interactive-csharp/kernel.json"; then
        rm -rf "$jupyter_data/kernels/dotnet-interactive-csharp"
    fi
    rm -rf "$interactive" "$jupyter_data/nbextensions/sarsynth" "$artifacts/plotly" "$artifacts"/*.stamp
    rm -f "$root/environment/engine.props"
}

if [ $remove = yes ]; then
    step "Kernel, plotly.js" remove_all
    [ -s "$artifacts/setup.packages" ] && echo "  System packages stay. To remove those that setup.sh installed, as root:" \
        && echo "    apt-get remove $(paste -sd' ' "$artifacts/setup.packages")"
    exit 0
fi

# --- all steps -------------------------------------------------------------------------------------------------------

: > "$log"
echo "Setting up SarSynth in $root"
command -v dotnet > /dev/null || step ".NET" check_dotnet   # which fails, before anything is installed
as_root="" packaged=yes
chosen=${engine:-$(engine_now)}
chosen=${chosen:-cpu}
prepare_packages
groups=system
[ $packaged = no ] || [ -z "$(missing_packages $groups)" ] || step "Packages that .NET needs" install_packages
step ".NET" check_dotnet
step "Tensor engine" choose_engine
start_build
groups=$(wanted_groups)
step "System packages" install_packages
step "Chromium" fetch_chromium
step "plotly.js" fetch_plotly
step "mermaid.js" fetch_mermaid
step "Jupyter kernel$([ $kit = no ] || echo " and kit")" finish_build
[ $kernel = sarsynth ] || step "dotnet-interactive" install_interactive
echo "Ready in $((SECONDS - started)) s (log: ${log#"$root"/})."
