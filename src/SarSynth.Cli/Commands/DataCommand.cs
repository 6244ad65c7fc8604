// sarsynth data: what data and models exist, whether they are here and whole, and fetching what is not; the commands
// for data of one's own stand in DataCommandTiles.cs.
using System.CommandLine;
using System.Globalization;
using SarSynth.Data;
using SarSynth.Diffusion.Checkpoints;
using Spectre.Console;

namespace SarSynth.Cli.Commands;

static class DataCommand
{
    private static string Checkout => Path.GetDirectoryName(Path.GetFullPath(EmbeddedData.ManifestFolder))!;

    public static Command Create()
    {
        var command = new Command("data",
            "Data sets and models: what exists and is here, and tiles, captions and pairs of one's own.");
        command.Subcommands.Add(List());
        command.Subcommands.Add(Check());
        command.Subcommands.Add(Fetch());
        command.Subcommands.Add(Record());
        command.Subcommands.Add(DataCommandTiles.Tile());
        command.Subcommands.Add(DataCommandTiles.Look());
        command.Subcommands.Add(DataCommandTiles.Caption());
        command.Subcommands.Add(DataCommandTiles.Pairs());
        return command;
    }

    private static Command List()
    {
        var name = new Argument<string?>("NAME")
        {
            Description = "A manifest, to be told all of it; every one in a line when left out.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var command = new Command("list", "What data sets and models exist, where, and under which licence.")
        {
            name, CommonOptions.Json,
        };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(name) is { } one)
            {
                Tell(new ManifestStore(Checkout).Manifest(Names.Manifest(one)), parsed.GetValue(CommonOptions.Json));
                return;
            }
            var manifests = Manifest.LoadAll(EmbeddedData.ManifestFolder);
            if (parsed.GetValue(CommonOptions.Json))
            {
                Console.WriteLine(KitJson.Serialize(manifests.Select(m => new { m.Name, m.Kind, m.Title, m.Licence,
                    m.Sensor, m.Size, Files = m.Files.Count })));
                return;
            }
            var table = Terminal.Table("name", "kind", "size", "licence", "title");
            table.Columns[2].RightAligned();
            foreach (var m in manifests)
                table.AddRow(Markup.Escape(m.Name), m.Kind.ToString().ToLowerInvariant(), m.Files.Count == 0 ? "-"
                    : Megabytes(m.Size), Markup.Escape(m.Licence), Markup.Escape(m.Title));
            Terminal.Out.Write(table);
        });
        return command;
    }

    private static void Tell(Manifest manifest, bool json)
    {
        if (json)
        {
            Console.Write(manifest.ToJson());
            return;
        }
        Terminal.Line(manifest.Title);
        foreach (var (what, text) in ((string, string?)[])[("kind", manifest.Kind.ToString().ToLowerInvariant()),
            ("licence", manifest.Licence),
            .. manifest.Duties.Select(duty => ("duty", (string?)duty)), ("credit", manifest.Attribution),
                ("cite", manifest.Citation),
            ("extent", manifest.Extent ?? (manifest.Files.Count > 0
                ? $"{manifest.Files.Count} files, {Megabytes(manifest.Size)}" : null)),
            ("sensor", manifest.Sensor), ("address", manifest.Homepage?.ToString()), ("about", manifest.Description)])
        {
            if (text is not null)
                Terminal.Line($"{what,-8} {text}");
        }
    }

    private static Command Check()
    {
        var name = new Argument<string?>("NAME") { Description =
            "A manifest of the kit, or its JSON file; all of the kit's when left out.",
            Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("check", "Compares every file with the size and SHA-256 of its manifest.") { name };
        command.SetAction(parsed =>
        {
            var store = new ManifestStore(Checkout);
            IReadOnlyList<Manifest> manifests = parsed.GetValue(name) switch
            {
                null => Manifest.LoadAll(EmbeddedData.ManifestFolder),
                var path when path.EndsWith(".json", StringComparison.Ordinal) => [Manifest.Load(path)],
                var one => [store.Manifest(Names.Manifest(one))],
            };
            foreach (var manifest in manifests)
                foreach (var file in manifest.Files)
                    Console.WriteLine($"{Word(store.Check(manifest, file)),-14} {manifest.Name}: "
                        + $"{store.PathOf(manifest, file)}");
            // All files are listed before the first wrong one is told as the error.
            foreach (var manifest in manifests)
                store.Require(manifest);
        });
        return command;
    }

    private static Command Fetch()
    {
        var name = new Argument<string>("NAME") { Description = "A manifest." };
        var command = new Command("fetch",
            "Downloads what is missing or wrong; goes on where an earlier run stopped.") { name };
        command.SetAction(async (parsed, cancellation) =>
        {
            var store = new ManifestStore(Checkout);
            var manifest = store.Manifest(Names.Manifest(parsed.GetRequiredValue(name)));
            if (manifest.Files.Count == 0)
                throw new ManifestException(
                    $"manifest '{manifest.Name}' lists no file that could be fetched: its publisher gives it at "
                        + $"{manifest.Homepage}");
            using var progress = Progress.Begin($"fetching {manifest.Name}");
            var told = new Told(p => progress.At((double)p.Received / p.Size, Path.GetFileName(p.Path)));
            var paths = await store.FetchAsync(manifest, null, told, cancellation);
            progress.At(1);
            foreach (var path in paths)
                Console.WriteLine(path);
            return 0;
        });
        return command;
    }

    private static Command Record()
    {
        var name = new Argument<string>("NAME") { Description = "A manifest whose files come with the kit." };
        var folder = new Option<string?>("--folder") { Description =
            "Record all files below this folder instead of those that are listed." };
        var command = new Command("record",
            "Writes the sizes and checksums that the kit's own files have now into their manifest.") { name, folder };
        command.SetAction(parsed =>
        {
            var manifest = new ManifestStore(Checkout).Manifest(Names.Manifest(parsed.GetRequiredValue(name)));
            manifest = manifest.Recorded(Checkout, parsed.GetValue(folder));
            var path = Path.Combine(EmbeddedData.ManifestFolder, manifest.Name + ".json");
            AtomicFile.WriteText(path, manifest.ToJson());
            Console.WriteLine($"{path}: {manifest.Files.Count} files, {Megabytes(manifest.Size)}");
        });
        return command;
    }

    private static string Word(ManifestFileState state) => state switch
    {
        ManifestFileState.Good => "good",
        ManifestFileState.Missing => "missing",
        ManifestFileState.WrongSize => "wrong size",
        _ => "wrong checksum",
    };

    private static string Megabytes(long bytes) => (bytes / 1e6).ToString("F1", CultureInfo.InvariantCulture) + " MB";

    private sealed class Told(Action<DownloadProgress> told) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => told(value);
    }
}
