// sarsynth simulate: paired scenes on disk, from a seed.
using System.CommandLine;
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Cli.Commands;

static class SimulateCommand
{
    public static Command Create()
    {
        var output = new Option<string>("--out", "-o")
        {
            Description = "Folder to write the scenes into.",
            Required = true,
        };
        var scenes = new Option<int>("--scenes", "-n") { Description = "How many scenes.", DefaultValueFactory = _ =>
            1 };
        var size = new Option<int>("--size")
        {
            Description = "Side of a scene, airborne pixels.",
            DefaultValueFactory = _ => 512,
        };
        var airborne = new Option<string>("--airborne")
        {
            Description = "Airborne sensor: a name or a JSON file.",
            DefaultValueFactory = _ => "airborne-x-040",
        };
        var satellite = new Option<string>("--satellite")
        {
            Description = "Satellite sensor: a name or a JSON file.",
            DefaultValueFactory = _ => "satellite-x-160",
        };
        var split = new Option<Split>("--split")
        {
            Description = "Which part of a data set the scenes are.",
            DefaultValueFactory = _ => Split.Test,
        };
        var facets = new Option<bool>("--facets")
        {
            Description = "Also what a facet simulator computes of each scene, NAME.facets.tif: mean intensity on the "
                + "airborne grid, which translate --model sarsynth-bridge makes airborne-like.",
        };
        var command = new Command("simulate",
            "Seeded scenes, seen by an airborne sensor and by a satellite: registered pairs with captions.")
        {
            output, scenes, size, airborne, satellite, split, facets, CommonOptions.Seed, CommonOptions.Force,
                CommonOptions.Json,
        };
        command.SetAction(parsed =>
        {
            var recipe = new SimulationRecipe
            {
                Airborne = Names.Sensor(parsed.GetRequiredValue(airborne)),
                Satellite = Names.Sensor(parsed.GetRequiredValue(satellite)),
                Scenes = parsed.GetValue(scenes),
                Size = parsed.GetValue(size),
                Seed = parsed.GetValue(CommonOptions.Seed),
            };
            var folder = parsed.GetRequiredValue(output);
            foreach (var name in NamesOf(recipe))
                Finished.Refuse(Path.Combine(folder, $"{name}.provenance.json"), parsed.GetValue(CommonOptions.Force),
                    $"scene {name} in {folder}");
            var dataset = Write(recipe, folder, parsed.GetValue(split));
            var maps = parsed.GetValue(facets) ? WriteFacets(recipe, folder) : [];
            if (parsed.GetValue(CommonOptions.Json))
                Terminal.Line(KitJson.Serialize(dataset));
            else
            {
                foreach (var scene in dataset.Scenes)
                {
                    var (fine, coarse) = (scene.Airborne.Path, scene.Satellite.Path);
                    Terminal.Line($"{Path.Combine(folder, fine)}  {Path.Combine(folder, coarse)}");
                }
                foreach (var map in maps)
                    Terminal.Line(map);
            }
        });
        return command;
    }

    private static HashSet<string> NamesOf(SimulationRecipe recipe) =>
        [.. Enumerable.Range(0, recipe.Scenes).Select(i => SimulatedScenes.NameOf(recipe.Seed + (ulong)i))];

    private static List<string> WriteFacets(SimulationRecipe recipe, string folder)
    {
        var maps = new List<string>();
        foreach (var seen in SimulatedScenes.Facets(recipe, new()))
        {
            var path = Path.Combine(folder, $"{seen.Name}.facets.tif");
            var picture = Path.ChangeExtension(path, ".png");
            var (map, detected) = (seen.Observation.SpeckleFree!, seen.Observation.Detected);
            GeoTiff.Write(map.With(SyntheticContent.MarkSimulated(map.Metadata)), path);
            QuickLook.Write(detected.With(SyntheticContent.MarkSimulated(detected.Metadata)), picture);
            var ran = new { Facets = new Radar.Simulation.FacetModel(), seen.Observation.Errors };
            Provenance.Of("simulate", recipe, recipe.Seed, [], [path]).With(ran, [], [])
                .AsSimulated("What a facet simulator computes of a scene; no measurement.")
                .Write(Finished.ProvenanceOf(path));
            Provenance.Of("simulate", recipe, recipe.Seed, [], [picture]).With(ran, [], [])
                .AsSimulated("A picture of what a facet simulator computes of a scene; no measurement.")
                .Write(Finished.ProvenanceOf(picture));
            maps.Add(path);
        }
        return maps;
    }

    private static PairedDataset Write(SimulationRecipe recipe, string folder, Split split)
    {
        using var progress = Progress.Begin("simulating");
        var scenes = SimulatedScenes.Generate(recipe).Select(SyntheticContent.MarkSimulated).Select((scene, i) =>
        {
            progress.At((i + 0.5) / recipe.Scenes, scene.Name);
            QuickLook.Write(scene.Airborne, Path.Combine(folder, $"{scene.Name}.airborne.png"));
            QuickLook.Write(scene.Satellite, Path.Combine(folder, $"{scene.Name}.satellite.png"));
            return (scene, split);
        });
        Directory.CreateDirectory(folder);
        var title = $"Simulated pairs of {recipe.Airborne} and {recipe.Satellite}";
        var dataset = PairedDataset.Write(folder, title, "MIT", scenes);
        var own = NamesOf(recipe);
        foreach (var scene in dataset.Scenes.Where(s => own.Contains(s.Name)))
        {
            string[] rasters = [Path.Combine(folder, scene.Airborne.Path), Path.Combine(folder, scene.Satellite.Path)];
            Provenance.Of("simulate", recipe, recipe.Seed, [],
                [.. rasters, .. rasters.Select(raster => Path.ChangeExtension(raster, ".png"))])
                .AsSimulated("A scene as simulated for an airborne sensor and for a satellite; no measurement.")
                .Write(Path.Combine(folder, $"{scene.Name}.provenance.json"));
        }
        progress.At(1);
        return dataset with { Scenes = [.. dataset.Scenes.Where(s => own.Contains(s.Name))] };
    }
}
