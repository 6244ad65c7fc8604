// Draws scenes from a seed: each kind is a short list of layers, from the ground up.
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Simulation;

/// <summary>Composes the layers of each kind of scene.</summary>
internal static class SceneBuilder
{
    public static Scene Build(ulong seed, SceneOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Require(options.Rows is >= 32 and <= 16384, nameof(options.Rows), options.Rows, "32 to 16384");
        Require(options.Columns is >= 32 and <= 16384, nameof(options.Columns), options.Columns, "32 to 16384");
        Require(options.Spacing is >= 0.1 and <= 10, nameof(options.Spacing), options.Spacing, "0.1 to 10 m");
        Require(options.Relief is >= 0 and <= 1000, nameof(options.Relief), options.Relief, "0 to 1000 m");
        Require(Enum.IsDefined(options.Kind) && options.Kind != SceneKind.Custom, nameof(options.Kind), options.Kind,
            "a kind that can be generated");
        var kind = options.Kind == SceneKind.Any ? DrawKind(seed) : options.Kind;
        var canvas = new SceneCanvas(seed, options);
        switch (kind)
        {
            case SceneKind.Farmland:
                RuralLayers.Farmland(canvas);
                break;
            case SceneKind.Woodland:
                RuralLayers.Woodland(canvas);
                break;
            case SceneKind.Suburb:
                UrbanLayers.Suburb(canvas);
                break;
            case SceneKind.City:
                UrbanLayers.City(canvas);
                break;
            case SceneKind.Industry:
                UrbanLayers.Industry(canvas);
                break;
            case SceneKind.Airfield:
                TransportLayers.Airfield(canvas);
                break;
            case SceneKind.Harbour:
                TransportLayers.Harbour(canvas);
                break;
            default:
                TransportLayers.Railway(canvas);
                break;
        }
        return new Scene(options.Rows, options.Columns, options.Spacing, seed, canvas.Classes, canvas.Heights(),
            canvas.Offsets,
            canvas.Targets, canvas.Named, kind);
    }

    private static SceneKind DrawKind(ulong seed)
    {
        double x = new SeededRandom(seed, "kind").Uniform();
        return x switch
        {
            < 0.28 => SceneKind.Farmland,
            < 0.42 => SceneKind.Woodland,
            < 0.57 => SceneKind.Suburb,
            < 0.69 => SceneKind.City,
            < 0.79 => SceneKind.Industry,
            < 0.86 => SceneKind.Airfield,
            < 0.93 => SceneKind.Harbour,
            _ => SceneKind.Railway,
        };
    }

    private static void Require(bool fine, string field, object found, string expected)
    {
        if (!fine)
            throw new ArgumentOutOfRangeException(field,
                $"scene options, {field}: found {found}, expected {expected}.");
    }
}
