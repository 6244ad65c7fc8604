// What every notebook begins with, by #!import "kit.csx": the library, its names, threads, and progress in the cells.
// (Build the library first: ./sarsynth setup --kit, or dotnet build -c Release src/SarSynth.)
#r "../artifacts/bin/SarSynth/release/SarSynth.dll"
using System.IO;
using Plotly.NET.CSharp;
using SarSynth.Data;
using SarSynth.Diffusion.Training;
using SarSynth.Evaluation;
using SarSynth.Experiments;
using SarSynth.Figures;
using SarSynth.FineTuning;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Simulation;
using SarSynth.Radar.Statistics;
using SarSynth.Translation;
using static SarSynth.Figures.Doors;

NotebookFormatters.Register();
NotebookProgress.ShowWith(value => display(value).Update);
Action<FineTuneLine> LiveCurves() => TuningCurves.ShowWith(value => display(value).Update);

// libtorch counts the machine's cores, .NET those that this process may use.
if (Environment.GetEnvironmentVariable("OMP_NUM_THREADS") is null)
    TorchSharp.torch.set_num_threads(Environment.ProcessorCount);

// A parameter told from outside, as SARSYNTH_MODE or SARSYNTH_TILES; else what the notebook says.
string Given(string name, string otherwise) =>
    Environment.GetEnvironmentVariable("SARSYNTH_" + name) is { Length: > 0 } told ? told : otherwise;

// How much is computed: smoke shows that all runs, demo is what the notebooks hold, full takes as long as it takes.
T ByMode<T>(string mode, T smoke, T demo, T full) => mode switch
{
    "smoke" => smoke,
    "demo" => demo,
    "full" => full,
    _ => throw new ArgumentException($"mode: found '{mode}', expected smoke, demo or full."),
};

// Where a notebook's results go.
string Output(string name)
{
    var folder = Environment.GetEnvironmentVariable("SARSYNTH_DEMO_OUTPUT") ?? "../artifacts/notebooks";
    Directory.CreateDirectory(folder);
    return Path.Combine(folder, name);
}

// The same, empty: what an earlier run left there goes.
string Fresh(string name)
{
    var path = Output(name);
    if (Directory.Exists(path))
        Directory.Delete(path, recursive: true);
    return path;
}
