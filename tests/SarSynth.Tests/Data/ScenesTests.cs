// The door to paired scenes.
using SarSynth.Data;

namespace SarSynth.Tests.Data;

public sealed class ScenesTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-scenes-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void TheKitsOwnComeByTheirPart()
    {
        var listed = PairedDataset.Open(EmbeddedData.Scenes).Scenes;
        Assert.Equal(listed.Select(s => s.Name), Scenes.Embedded().Select(s => s.Name));
        Assert.Equal(listed.Where(s => s.Split == Split.Test).Select(s => s.Name),
            Scenes.Embedded(Split.Test).Select(s => s.Name));
        Assert.Equal(4, Scenes.Embedded(Split.Test)[0].Scale);
    }

    [Fact]
    public void UnseenScenesAreThoseOfTheRecipeWithTheirSeeds()
    {
        var scenes = Scenes.Unseen(2, size: 64, seed: 5);
        Assert.Equal(["scene-1000005", "scene-1000006"], scenes.Select(s => s.Name));
        var same = SimulatedScenes.Generate(new() { Scenes = 1, Size = 64, Seed = 1_000_006 }).Single();
        Assert.Equal(same.Airborne.Pixels, scenes[1].Airborne.Pixels);
    }

    [Fact]
    public void APartWithoutScenesIsNamed()
    {
        PairedDataset.Write(folder, "test", "MIT", Scenes.Unseen(1, size: 128).Select(s => (s, Split.Train)));
        Assert.Single(Scenes.Open(folder, Split.Train));
        var error = Assert.Throws<InvalidDataException>(() => Scenes.Open(folder, Split.Test));
        Assert.Contains("scenes.json: found no scene of the part 'test'", error.Message);
    }
}
