// The look of a report: type, colours for light and dark readers, and the script that draws its plots to fit.
namespace SarSynth.Figures;

/// <summary>Style sheet and script of a report.</summary>
internal static class ReportStyle
{
    public const string Css = """
        :root{--paper:#fcfcfd;--ink:#1d2129;--quiet:#5c6370;--rule:#dcdfe4;--card:#f2f4f7;--link:#0b5cad}
        :root{color-scheme:light dark}
        @media(prefers-color-scheme:dark){
        :root{--paper:#14171c;--ink:#e4e7ec;--quiet:#a0a7b4;--rule:#333944;--card:#1e232b;--link:#7db7f0}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink)}
        body{font:16px/1.6 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
        main{max-width:1040px;margin:0 auto;padding:40px 24px 64px}
        h1{font-size:30px;line-height:1.2;margin:0 0 8px;letter-spacing:-.01em}
        h2{font-size:21px;line-height:1.3;margin:44px 0 12px;padding-top:14px;border-top:1px solid var(--rule)}
        p{max-width:72ch;margin:0 0 14px}
        .summary{font-size:18px;color:var(--quiet)}
        a{color:var(--link)}
        code,pre{font-family:ui-monospace,"SF Mono",Menlo,"DejaVu Sans Mono",monospace;font-size:.88em}
        code{background:var(--card);padding:.1em .3em;border-radius:3px;overflow-wrap:anywhere}
        pre{background:var(--card);padding:12px;border-radius:6px;overflow-x:auto;margin:0;line-height:1.45}
        nav ol{display:flex;flex-wrap:wrap;gap:2px 22px;list-style:none;margin:18px 0 0;padding:0;font-size:14px}
        .key{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:12px;margin:20px 0}
        .key div{background:var(--card);border-radius:8px;padding:14px 16px}
        .key dt{font-size:13px;color:var(--quiet)}
        .key dd{margin:2px 0 0}
        .key b{font-size:25px;font-weight:650;font-variant-numeric:tabular-nums}
        .key span{display:block;font-size:13px;color:var(--quiet)}
        .table{overflow-x:auto;margin:18px 0}
        table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:15px;min-width:50%}
        caption{text-align:left;color:var(--quiet);font-size:14px;padding:0 0 8px}
        th,td{padding:7px 14px;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap}
        thead th{border-bottom:2px solid var(--rule);font-size:14px;vertical-align:bottom}
        th:first-child{text-align:left;padding-left:2px}
        tbody th{font-weight:500}
        th small{display:block;font-weight:400;color:var(--quiet)}
        figure{margin:0;min-width:0}
        figcaption{font-size:14px;color:var(--quiet);max-width:72ch;margin:6px 0 0}
        .figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(420px,100%),1fr));gap:22px;margin:20px 0}
        .panel{margin:20px 0;overflow-x:auto}
        .plot{overflow:hidden}
        img{max-width:100%;height:auto}
        .provenance{margin:36px 0 0;border-top:1px solid var(--rule);padding-top:14px;font-size:14px}
        .provenance summary{cursor:pointer;font-weight:600}
        .provenance dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:6px 18px;margin:14px 0 0}
        .provenance dt{color:var(--quiet)}
        .provenance dd{margin:0}
        footer{margin-top:44px;color:var(--quiet);font-size:13px}
        @media print{main{max-width:none;padding:0}h2{break-after:avoid}figure,table{break-inside:avoid}}
        """;

    public const string Script = """
        (function () {
          var query = matchMedia('(prefers-color-scheme: dark)');
          function coloured(layout) {
            var none = 'rgba(0,0,0,0)';
            if (!query.matches) return Object.assign({}, layout, { paper_bgcolor: none, plot_bgcolor: none });
            var dark = JSON.parse(JSON.stringify(layout));
            dark.paper_bgcolor = dark.plot_bgcolor = none;
            // What the chart itself says stays; the theme is its template.
            var theme = ((dark.template = dark.template || {}).layout = dark.template.layout || {});
            theme.font = Object.assign({}, theme.font, { color: '#e4e7ec' });
            ['xaxis', 'yaxis'].forEach(function (a) {
              var lines = { gridcolor: '#2c323c', linecolor: '#6b7382', tickcolor: '#6b7382' };
              theme[a] = Object.assign({}, theme[a], lines);
            });
            theme.colorway = ['#56b4e9', '#e69f00', '#2fbf94', '#cc79a7', '#f0743a', '#f0e442', '#b58a7c'];
            return dark;
          }
          var plots = [].map.call(document.querySelectorAll('script[data-plot]'), function (s) {
            return { to: document.getElementById(s.dataset.plot), spec: JSON.parse(s.textContent) };
          });
          function draw() {
            plots.forEach(function (p) {
              Plotly.react(p.to, p.spec.data, coloured(p.spec.layout), p.spec.config);
            });
          }
          document.querySelectorAll('.plot noscript').forEach(function (n) { n.remove(); });
          draw();
          query.addEventListener('change', draw);
        })();
        """;
}
