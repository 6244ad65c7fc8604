// Simulated to airborne-like: eight unseen scenes of the facet simulator, bridged by a model, against the truth.
using SarSynth.Evaluation;
using SarSynth.Figures;
using SarSynth.Radar.Images;
using SarSynth.Translation;

namespace SarSynth.Benchmarks;

internal static class Bridge
{
    private const string Usage = "bridge [-o REPORT] [--model NAME|none] [--scenes 8] [--size 512] [--seed 1]";

    internal static int Run(string[] options)
    {
        var (folder, name, count, size, seed) = ((string?)null, "sarsynth-bridge", 8, 512, 1UL);
        for (var i = 0; i < options.Length; i += 2)
        {
            var value = i + 1 < options.Length ? options[i + 1] : null;
            switch (options[i])
            {
                case "-o" or "--out" when value is not null: folder = value; break;
                case "--model" when value is not null: name = value; break;
                case "--scenes" when int.TryParse(value, out var scenes): count = scenes; break;
                case "--size" when int.TryParse(value, out var side): size = side; break;
                case "--seed" when ulong.TryParse(value, out var own): seed = own; break;
                default: Console.Error.WriteLine($"'{options[i]} {value}'; expected {Usage}"); return 2;
            }
        }
        using var model = name == "none" ? null : Translator.Load(name);
        Func<AmplitudeImage, ulong, AmplitudeImage>? bridge = model is null ? null : model.Bridge;
        var unseen = BridgeScene.Unseen(count, size);
        var lessons = BridgeScene.Unseen(TruthScene.Kinds.Count, size, GroundClassifier.FirstSeed);
        var candidates = BridgeComparison.Candidates(unseen, bridge, seed);
        var found = BridgeComparison.Of(unseen, candidates, lessons, bridge);
        if (folder is not null)
        {
            found.Write(folder, unseen, candidates,
                [new("model", name), new("scenes", string.Join(", ", found.Table.Scenes))]);
        }
        Console.WriteLine(found.ToMarkdown());
        foreach (var (goal, figure, meets) in found.Goals())
            Console.WriteLine($"{(meets ? "met   " : "missed")} {goal}: {figure}");
        return 0;
    }
}
