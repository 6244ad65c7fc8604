using SarSynth.Kernel.Execution;
using SarSynth.Kernel.Language;

namespace SarSynth.Kernel.Tests;

public sealed class MagicsTests
{
    [Fact]
    public void CodeKeepsItsLines()
    {
        var cell = Magics.Parse("#!time\n#r \"nuget: A, 1.0\"\nvar a = 1;\n#!html\n<b>\n#!csharp\nvar b = 2;");
        Assert.Equal(["csharp", "html", "csharp"], cell.Segments.Select(s => s.Language));
        Assert.Equal("\n\nvar a = 1;", cell.Segments[0].Text);
        Assert.Equal("<b>", cell.Segments[1].Text);
        Assert.Equal("var b = 2;", cell.Segments[2].Text.Split('\n')[6]);
        Assert.Equal(["time"], cell.Commands);
        Assert.Equal(["A, 1.0"], cell.Packages);
    }

    [Fact]
    public void OtherLanguagesMayHoldWhatLooksLikeMagic()
    {
        var cell = Magics.Parse("#!bash\n#!/bin/sh\n#r \"nuget: A\"\necho x");
        Assert.Equal("#!/bin/sh\n#r \"nuget: A\"\necho x", Assert.Single(cell.Segments).Text);
        Assert.Empty(cell.Packages);
    }

    [Fact]
    public void SharingIsDoneWhereItStands()
    {
        var cell = Magics.Parse("var a = 1;\n#!python\n#!share "
            + "--from csharp a\nprint(a)\n#!value --name v\ntext\n#!csharp\na");
        Assert.Equal([("csharp", null), ("share", "python"), ("python", null), ("value", null), ("csharp", null)],
            cell.Segments.Select(s => (s.Language, s.Target)));
        Assert.Equal("--from csharp a", cell.Segments[1].Text);
        Assert.Equal("--name v\ntext", cell.Segments[3].Text);
        Assert.Equal("a", cell.Segments[4].Text.Split('\n')[7]);
    }

    [Fact]
    public void ImportStandsBetweenTheCodeAroundIt()
    {
        var cell = Magics.Parse("var a = 1;\n#!import \"kit.csx\"\na");
        Assert.Equal([("csharp", "var a = 1;"), ("import", "\"kit.csx\""), ("csharp", "\n\na")],
            cell.Segments.Select(s => (s.Language, s.Text)));
    }

    [Fact]
    public void UnknownMagicIsNamedWithItsLine()
    {
        var error = Assert.Throws<MagicException>(() => Magics.Parse("1\n#!fsharp"));
        Assert.Contains("'#!fsharp' in line 2", error.Message);
    }

    [Fact]
    public void BlankedCodeKeepsEveryPosition()
    {
        const string code = "#!time\nvar x = 1;\n#!html\n<b>x</b>\n#!csharp\nx.";
        var blanked = Magics.Blanked(code);
        Assert.Equal(code.Length, blanked.Length);
        Assert.Equal(code.IndexOf("var x", StringComparison.Ordinal),
            blanked.IndexOf("var x", StringComparison.Ordinal));
        Assert.DoesNotContain("<b>", blanked);
    }

    [Theory]
    [InlineData("1 + 1", "complete", "")]
    [InlineData("if (true)\n{", "incomplete", "    ")]
    [InlineData("    foo(", "incomplete", "    ")]
    [InlineData("\"abc", "invalid", "")]
    [InlineData("#!markdown\n# (", "complete", "")]
    public void Completeness(string code, string status, string indent) =>
        Assert.Equal((status, indent), CodeAssistant.Completeness(code));
}
