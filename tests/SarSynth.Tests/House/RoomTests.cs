// The arrows between the rooms of a project: a room may use those on the floors below it, never those above.
using System.Reflection;

namespace SarSynth.Tests.House;

public class RoomTests
{
    /// <summary>Rooms of each project from the ground floor up; rooms of one floor don't use each other.</summary>
    private static readonly Dictionary<string, string[][]> floors = new()
    {
        ["SarSynth.Radar"] = [["Images"], ["Formats"], ["Signal"], ["Radiometry"], ["Statistics"], ["Simulation"]],
        ["SarSynth.Diffusion"] =
        [
            ["Checkpoints"], ["Tokenizers", "Samplers"], ["Models", "Adapters", "Tiling"], ["Memory"],
            ["Pipelines", "Training"],
        ],
        ["SarSynth"] = [["Data"], ["Translation"], ["FineTuning"], ["Evaluation"], ["Experiments"], ["Figures"]],
    };

    public static TheoryData<string> Projects => [.. floors.Keys];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Rooms_use_only_the_floors_below(string project) =>
        Assert.Empty(Wrong(RoomArrows.Of(Assembly.Load(project)), floors[project]));

    [Theory]
    [MemberData(nameof(Projects))]
    public void Every_room_has_a_floor(string project)
    {
        var rooms = Assembly.Load(project).GetTypes().Select(RoomArrows.Room).OfType<string>().Distinct();
        Assert.Equal(floors[project].SelectMany(floor => floor).Order(), rooms.Order());
    }

    /// <summary>With two floors exchanged the same check finds what is wrong, in signatures and in bodies.</summary>
    [Fact]
    public void An_arrow_upwards_is_found()
    {
        var arrows = RoomArrows.Of(Assembly.Load("SarSynth.Radar"));
        var wrong = Wrong(arrows, [["Formats"], ["Images"], ["Radiometry"], ["Signal"], ["Statistics"],
            ["Simulation"]]);
        Assert.Contains("Formats: SarRaster uses SarImage of Images", wrong);
        Assert.Contains("Formats: GeoTiffWriter uses RasterException of Images", wrong);
        Assert.DoesNotContain(wrong, line => line.StartsWith("Statistics", StringComparison.Ordinal));
    }

    [Fact]
    public void An_arrow_between_rooms_of_one_floor_is_found()
    {
        var arrows = RoomArrows.Of(Assembly.Load("SarSynth.Diffusion"));
        var wrong = Wrong(arrows,
            [["Checkpoints"], ["Tokenizers", "Samplers"], ["Models", "Memory", "Adapters", "Tiling"],
            ["Training"], ["Pipelines"]]);
        Assert.Contains("Memory: BlockOffload uses ResnetBlock2D of Models", wrong);
        Assert.All(wrong, line => Assert.StartsWith("Memory: BlockOffload", line, StringComparison.Ordinal));
    }

    /// <summary>Evaluation that draws, or that translates, would be seen.</summary>
    [Fact]
    public void A_room_of_the_shared_library_that_looks_up_is_found()
    {
        var arrows = RoomArrows.Of(Assembly.Load("SarSynth"));
        Assert.DoesNotContain(arrows, a => a is { FromRoom: "Evaluation", ToRoom: "Translation" or "FineTuning" });
        var wrong = Wrong(arrows,
            [["Figures"], ["Translation"], ["FineTuning"], ["Evaluation"], ["Experiments"], ["Data"]]);
        Assert.Contains("Figures: ComparisonFigures uses Comparison of Evaluation", wrong);
        Assert.Contains("Evaluation: Comparison uses PairedScene of Data", wrong);
        Assert.Contains("Translation: Translator uses EmbeddedData of Data", wrong);
        Assert.DoesNotContain(wrong, line => line.StartsWith("Data:", StringComparison.Ordinal));
    }

    private static List<string> Wrong(IEnumerable<RoomArrow> arrows, string[][] order)
    {
        return [.. arrows.Where(arrow => Floor(arrow.ToRoom) >= Floor(arrow.FromRoom))
            .Select(arrow => arrow.ToString()).Order(StringComparer.Ordinal)];

        int Floor(string room) => Array.FindIndex(order, floor => floor.Contains(room));
    }
}
