// Shards: what is read, in which order, from where a run goes on, and what is said of bad ones.
using System.Net;
using System.Net.Sockets;
using SarSynth.Data;
using SarSynth.Radar.Images;

namespace SarSynth.Tests.Data;

public sealed class ShardTilesTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-shards-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private ITileSource Training(TileOptions? options = null) =>
        Tiles.Open(folder, (options ?? new()) with { Split = Split.Train });

    private static int Number(TileStep step) => int.Parse(step.Load().Key);

    [Fact]
    public void ASampleIsAmplitudeCaptionsAndClassMapWithItsValidity()
    {
        Shards.WriteSet(folder, 1, 3);
        using var source = Training();
        var tile = source.Sequence(new TileOrder { IsShuffled = false }).Skip(2).First().Load();
        Assert.Equal("000000002", tile.Key);
        Assert.Equal(Split.Train, tile.Split);
        Assert.True(tile.IsNormalised);
        Assert.All(tile.ToUnitRange(), a => Assert.Equal(2 / 255f, a, 1e-6f));
        Assert.Equal(["SHORT", "MID", "LONG"], tile.Captions.Select(c => c.Key));
        Assert.Equal("long 2", tile.Caption("LONG"));
        Assert.Equal("short 2", tile.Caption());
        var cover = tile.Condition("landcover");
        Assert.Equal((ConditionKind.Classes, 16, 16), (cover.Kind, cover.Rows, cover.Columns));
        // The mask of the sample is 0 in the first column.
        for (var i = 0; i < cover.Pixels.Length; i++)
            Assert.Equal(i % 16 == 0 ? float.NaN : 2, cover.Pixels[i]);
        Assert.Equal(0.8, tile.Image.Metadata.RangeSpacing);
    }

    [Fact]
    public void ComplexSamplesComeWhenAskedFor()
    {
        Shards.WriteSet(folder, 1, 4);
        using var source = Training(new() { Complex = true, Conditions = [] });
        var tile = source.Sequence(new TileOrder { IsShuffled = false }).Skip(3).First().Load();
        var image = Assert.IsType<ComplexImage>(tile.Image);
        for (var i = 0; i < image.Pixels.Length; i++)
            Assert.Equal(new MathNet.Numerics.Complex32(3, -i), image.Pixels[i]);
        Assert.False(tile.IsNormalised);
        Assert.Empty(tile.Conditions);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void AnEpochGivesEverySampleToOneRankOnce(int ranks)
    {
        Shards.WriteSet(folder, 5, 4);
        using var source = Training();
        var orders = new List<string>();
        for (var epoch = 0; epoch < 2; epoch++)
        {
            var seen = new List<int>();
            for (var rank = 0; rank < ranks; rank++)
            {
                var order = new TileOrder { Rank = rank, Ranks = ranks, Buffer = 1 };
                seen.AddRange(source.Sequence(order).SkipWhile(s => s.After.Epoch < epoch).TakeWhile(s =>
                    s.After.Epoch == epoch).Select(Number));
            }
            Assert.Equal(Enumerable.Range(0, 20), seen.Order());
            orders.Add(string.Join(' ', seen));
        }
        Assert.NotEqual(orders[0], orders[1]);
    }

    [Fact]
    public void TheBufferMixesShards()
    {
        Shards.WriteSet(folder, 5, 4);
        using var source = Training();
        var first = source.Sequence(new TileOrder { Buffer = 12 }).Take(20).Select(Number).ToList();
        Assert.NotEqual(first, source.Sequence(new TileOrder { Buffer = 12, Seed = 2 }).Take(20).Select(Number)
            .ToList());
        Assert.Equal(first, source.Sequence(new TileOrder { Buffer = 12 }).Take(20).Select(Number).ToList());
        // Of one shard's four samples the last lies far from the first.
        Assert.Contains(first.GroupBy(n => n / 4), shard =>
            first.LastIndexOf(shard.Max()) - first.IndexOf(shard.Min()) is > 4 or < -4);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public void ARunThatStopsAnywhereGoesOnAsIfItHadNot(int buffer)
    {
        Shards.WriteSet(folder, 3, 3);
        using var source = Training();
        var order = new TileOrder { Buffer = buffer, Seed = 4 };
        var whole = source.Sequence(order).Take(25).ToList();
        var numbers = whole.Select(Number).ToList();
        for (var stop = 0; stop < 24; stop++)
        {
            // As a checkpoint keeps it.
            var position = System.Text.Json.JsonSerializer.Deserialize<TilePosition>(
                System.Text.Json.JsonSerializer.Serialize(whole[stop].After, KitJson.Options), KitJson.Options);
            using var again = Training();
            Assert.Equal(numbers[(stop + 1)..], again.Sequence(order, position).Take(24 - stop).Select(Number));
        }
    }

    [Fact]
    public void APositionOfOtherDataOrOtherRanksIsRefused()
    {
        Shards.WriteSet(folder, 2, 2);
        using var source = Training();
        var position = source.Sequence(new TileOrder()).First().After;
        Assert.Contains("ranks", Assert.Throws<ArgumentException>(() => source.Sequence(new TileOrder { Ranks = 2 },
            position)).Message);
        Shards.Write(Path.Combine(folder, "train", "chunk_000", "shard-00009.tar"), Shards.Sample(99));
        using var grown = Training();
        Assert.Contains("other data", Assert.Throws<ArgumentException>(() => grown.Sequence(new TileOrder(), position))
            .Message);
    }

    [Fact]
    public void MoreRanksThanShardsAreRefused()
    {
        Shards.WriteSet(folder, 2, 2);
        using var source = Training();
        Assert.Contains("2 shards for 3 ranks", Assert.Throws<ArgumentException>(() =>
            source.Sequence(new TileOrder { Ranks = 3 })).Message);
    }

    /// <summary>At every byte of the last sample's picture and behind it, the cut is seen by the check and by
    /// reading.</summary>
    [Theory]
    [InlineData(0.3)]
    [InlineData(0.6)]
    [InlineData(0.9)]
    [InlineData(-1)]
    public void AShardCutShortIsNamed(double share)
    {
        Shards.WriteSet(folder, 2, 3);
        var shard = Path.Combine(folder, "train", "chunk_000", "shard-00001.tar");
        var bytes = File.ReadAllBytes(shard);
        // -1: between two members, where nothing but the missing end mark tells.
        var end = share < 0 ? bytes.Length - 1024 : (int)(bytes.Length * share);
        File.WriteAllBytes(shard, bytes[..end]);
        using var source = Training();
        var problem = Assert.Single(source.Check().Problems);
        Assert.StartsWith(shard, problem);
        Assert.Contains("cut short", problem);
        Assert.Contains("expected", problem);
        var error = Assert.Throws<TileException>(() => source.Sequence(new TileOrder { IsShuffled = false, Buffer = 1 })
            .Take(7).ToList());
        Assert.Equal(problem, error.Message);
        Assert.Throws<InvalidDataException>(() => source.Check().Require());
    }

    [Fact]
    public void TheCheckFindsEverythingThatIsWrongWithoutReadingPixels()
    {
        Shards.WriteSet(folder, 1, 2);
        Shards.Write(Path.Combine(folder, "train", "bad.tar"), [
            .. Shards.Sample(50, caption: false),
            .. Shards.Sample(51, coverRows: 12),
            .. Shards.Sample(52).Where(m => !m.Name.EndsWith("sar.png", StringComparison.Ordinal)),
            .. Shards.Sample(53, 32, 16),
            .. Shards.Sample(54).Select(m => m.Name.EndsWith("sar.png", StringComparison.Ordinal)
                ? (m.Name, "not a picture"u8.ToArray()) : m)]);
        using var source = Training();
        var check = source.Check();
        Assert.Equal(3, check.Tiles);
        Assert.Equal(new Dictionary<string, long> { ["16 x 16"] = 2, ["32 x 16"] = 1 }, check.Sizes);
        Assert.Collection(check.Problems,
            p => Assert.Matches("bad.tar: tile '000000050': found no caption, expected 'caption' in meta.json", p),
            p => Assert.Matches("tile '000000051': found condition 'landcover' of 12 x 16, expected the tile's 16 x 16",
                p),
            p => Assert.Matches("tile '000000052': found members landcover.npy.*expected sar.png", p),
            p => Assert.Matches("tile '000000054': sar.png: found no PNG header", p));
    }

    [Fact]
    public void AListOfAddressesStreamsAndGoesOn()
    {
        Shards.WriteSet(folder, 3, 3);
        using var server = new FileServer(folder);
        var list = Path.Combine(folder, "shards.txt");
        File.WriteAllText(list, $"# the training part\n{server.Address}train/chunk_000/shard-{{00000..00002}}.tar\n");
        var order = new TileOrder { Buffer = 4, Seed = 9 };
        using var source = Tiles.Open(list);
        var whole = source.Sequence(order).Take(14).ToList();
        var numbers = whole.Select(Number).ToList();
        Assert.Equal(Enumerable.Range(0, 9), numbers.Distinct().Order());
        Assert.Equal(Split.Train, whole[0].Load().Split);
        for (var stop = 0; stop < 13; stop += 4)
            Assert.Equal(numbers[(stop + 1)..], source.Sequence(order, whole[stop].After).Take(13 - stop)
                .Select(Number));
        Assert.Empty(source.Check().Problems);
        // A server that closes in the middle is asked again from there on.
        server.CloseAfter = 5000;
        Assert.Equal(numbers[..4], source.Sequence(order).Take(4).Select(Number));
    }

    [Fact]
    public void AnAddressWithoutAShardIsNamed()
    {
        using var server = new FileServer(folder);
        using var source = Tiles.Open($"{server.Address}shard-{{0..1}}.tar");
        Assert.Matches("shard-0.tar: the server answered 404", source.Check().Problems[0]);
    }

    /// <summary>A server of files that knows ranges: just enough of RFC 9110.</summary>
    private sealed class FileServer : IDisposable
    {
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);
        private readonly string root;

        public FileServer(string root)
        {
            this.root = root;
            listener.Start();
            _ = Task.Run(Serve);
        }

        public string Address => $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/";

        /// <summary>Bytes behind which every answer ends.</summary>
        public int CloseAfter { get; set; } = int.MaxValue;

        public void Dispose() => listener.Stop();

        private async Task Serve()
        {
            while (true)
            {
                TcpClient client;
                try
                {
                    client = await listener.AcceptTcpClientAsync();
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException)
                {
                    return;
                }
                _ = Task.Run(() => Answer(client));
            }
        }

        private void Answer(TcpClient client)
        {
            using (client)
            using (var stream = client.GetStream())
            {
                var reader = new StreamReader(stream);
                var path = Path.Combine(root, reader.ReadLine()!.Split(' ')[1].TrimStart('/'));
                long from = 0, to = long.MaxValue;
                while (reader.ReadLine() is { Length: > 0 } header)
                {
                    if (header.StartsWith("Range: bytes=", StringComparison.OrdinalIgnoreCase))
                    {
                        var ends = header["Range: bytes=".Length..].Split('-');
                        (from, to) = (long.Parse(ends[0]), ends[1].Length > 0 ? long.Parse(ends[1]) : long.MaxValue);
                    }
                }
                if (!File.Exists(path))
                {
                    stream.Write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8);
                    return;
                }
                var all = File.ReadAllBytes(path);
                var part = all.AsSpan((int)from..(int)Math.Min(all.Length, to == long.MaxValue ? to : to + 1));
                var partial = from > 0 || to != long.MaxValue;
                var range = partial ? $"Content-Range: bytes {from}-{from + part.Length - 1}/{all.Length}\r\n" : "";
                stream.Write(System.Text.Encoding.ASCII.GetBytes(
                    $"HTTP/1.1 {(partial ? "206 Partial Content" : "200 OK")}\r\n"
                    + $"Content-Length: {part.Length}\r\n{range}"
                    + "Connection: close\r\n\r\n"));
                stream.Write(part[..Math.Min(part.Length, CloseAfter)]);
            }
        }
    }
}
