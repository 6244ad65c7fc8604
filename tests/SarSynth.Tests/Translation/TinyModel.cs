using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.FineTuning;
using SarSynth.Tests.Support;
using SarSynth.Translation;

namespace SarSynth.Tests.Translation;

/// <summary>
/// A model of the smallest size, trained for two steps: what is tested here is the way of the data, not the picture.
/// </summary>
public sealed class TinyModel : IDisposable
{
    public static TrainRecipe Recipe { get; } =
        Tiny(KitJson.Read<TrainRecipe>(Path.Combine(TestData.Root, "data-manifests", "recipes", "smoke.json")));

    public static IReadOnlyList<PairedScene> Scenes { get; } =
        [.. SimulatedScenes.Generate(new SimulationRecipe { Scenes = 2, Size = 64, Seed = 900, CaptionSize = 32 })];

    public string Folder { get; } = Directory.CreateTempSubdirectory("sarsynth-tiny-").FullName;

    public Translator Model { get; }

    public TinyModel()
    {
        FineTune.Run(Recipe, Scenes, Path.Combine(Folder, "model"));
        Model = Translator.Load(Path.Combine(Folder, "model"));
    }

    public void Dispose()
    {
        Model.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private static TrainRecipe Tiny(TrainRecipe recipe)
    {
        static StageRecipe Stage(StageRecipe s) =>
            s with { Steps = 2, Batch = 2, Tile = 32, Warmup = 1, CheckpointEvery = 1 };
        static JsonObject Narrow(JsonObject config)
        {
            var narrow = (JsonObject)config.DeepClone();
            narrow["block_out_channels"] = new JsonArray(16, 16, 16);
            narrow["norm_num_groups"] = 8;
            if (narrow.ContainsKey("attention_head_dim"))
                narrow["attention_head_dim"] = 2;
            return narrow;
        }
        return recipe with
        {
            Name = "tiny", Vocabulary = 560, Vae = Narrow(recipe.Vae), Unet = Narrow(recipe.Unet),
            Controlnet = Narrow(recipe.Controlnet),
            Autoencoder = Stage(recipe.Autoencoder), Denoiser = Stage(recipe.Denoiser), Control = Stage(recipe.Control),
        };
    }
}
