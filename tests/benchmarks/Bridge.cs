// Simulated to airborne-like: eight unseen scenes of the facet simulator, bridged by a model, against the truth.
using System.Globalization;
using SarSynth.Evaluation;
using SarSynth.Figures;
using SarSynth.Radar.Images;
using SarSynth.Radar.Simulation;
using SarSynth.Translation;

namespace SarSynth.Benchmarks;

internal static class Bridge
{
    private const string Usage = "bridge [-o REPORT] [--model NAME|none] [--scenes 8] [--size 512] [--seed 1], or "
        + "bridge --picture FILE.png [--kind airfield] [--part 128] [--down 0.5] [--across 0.5]";

    internal static int Run(string[] options)
    {
        var (folder, name, count, size, seed) = ((string?)null, "sarsynth-bridge", 8, 512, 1UL);
        var (picture, kind, part, down, across) = ((string?)null, SceneKind.Airfield, 128, 0.5, 0.5);
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
                case "--picture" when value is not null: picture = value; break;
                case "--kind" when Enum.TryParse<SceneKind>(value, true, out var shown): kind = shown; break;
                case "--part" when int.TryParse(value, out var pixels): part = pixels; break;
                case "--down" when Share(value) is { } share: down = share; break;
                case "--across" when Share(value) is { } share: across = share; break;
                default: Console.Error.WriteLine($"'{options[i]} {value}'; expected {Usage}"); return 2;
            }
        }
        using var model = name == "none" ? null : Translator.Load(name);
        Func<AmplitudeImage, ulong, AmplitudeImage>? bridge = model is null ? null : model.Bridge;
        if (picture is not null && model is not null)
        {
            // The scene of that kind among those that are judged.
            var own = BridgeScene.FirstSeed + (ulong)TruthScene.Kinds.ToList().IndexOf(kind);
            var scene = BridgeScene.Of(kind, size, own);
            scene.ToPanel(model.Bridge(scene.Map, seed), part, down, across).Save(picture);
            return 0;
        }
        var unseen = BridgeScene.Unseen(count, size);
        var lessons = BridgeScene.Unseen(TruthScene.Kinds.Count, size, GroundClassifier.FirstSeed);
        var candidates = BridgeComparison.Candidates(unseen, bridge, seed);
        var found = BridgeComparison.Of(unseen, candidates, lessons, bridge);
        Console.WriteLine(found.ToMarkdown());
        foreach (var (goal, figure, meets) in found.Goals())
            Console.WriteLine($"{(meets ? "met   " : "missed")} {goal}: {figure}");
        if (folder is not null)
        {
            found.Write(folder, unseen, candidates,
                [new("model", name), new("scenes", string.Join(", ", found.Table.Scenes))]);
        }
        return 0;
    }

    private static double? Share(string? value) => double.TryParse(value, NumberStyles.Float,
        CultureInfo.InvariantCulture, out var share) && share is >= 0 and <= 1 ? share : null;
}
