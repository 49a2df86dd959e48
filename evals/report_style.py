"""How the HTML report looks: light and dark, on a phone and on paper."""

CSS = """
:root{color-scheme:light dark;--ground:#fff;--text:#24292f;--quiet:#616b76;--line:#e3e8ed;
--soft:#f6f8fa;--accent:#2f6fde;--up:#1a7f4b;--down:#c2341d;--mark:#fff3c4}
@media (prefers-color-scheme:dark){:root{--ground:#12161c;--text:#e4e9ef;--quiet:#98a4b0;
--line:#2b333d;--soft:#1a2028;--accent:#7aa7f7;--up:#5cc98e;--down:#f0897a;--mark:#5a4a10}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1060px;margin:0 auto;padding:24px 16px 48px}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 8px}
h2{font-size:1.2rem;margin:40px 0 10px}
h3{font-size:1rem;margin:22px 0 8px}
h4{font-size:.85rem;margin:0 0 4px;color:var(--quiet)}
p{margin:6px 0;max-width:75ch}
.label{display:inline-block;padding:3px 10px;border-radius:6px;background:var(--soft);
border:1px solid var(--line);font-weight:600}
.quiet,footer,figcaption{color:var(--quiet);font-size:.87rem}
.findings{padding-left:20px;max-width:75ch}
.findings li{margin:4px 0}
.wide{overflow-x:auto;border:1px solid var(--line);border-radius:8px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.92rem}
th,td{padding:7px 9px;text-align:right;white-space:nowrap;vertical-align:top;
border-top:1px solid var(--line)}
thead th{border-top:0;font-weight:600;color:var(--quiet);white-space:normal;min-width:64px;
vertical-align:bottom}
th:first-child{text-align:left;position:sticky;left:0;background:var(--ground)}
tbody th{font-weight:500}
small{display:block;font-size:.75rem;color:var(--quiet);line-height:1.4}
td .up,td .up small{color:var(--up)}
td .down,td .down small{color:var(--down)}
tr.policy td,tr.policy th:first-child{background:var(--soft)}
tr.policy th,tr.policy td{font-weight:700}
small{font-weight:400}
tr.unasked+tr.asked>*{border-top:2px solid var(--line)}
figure{margin:14px 0 26px;overflow-x:auto}
figure svg{max-width:100%;height:auto;display:block}
details.session{border:1px solid var(--line);border-left:4px solid var(--line);border-radius:6px;
margin:6px 0;padding:0 12px}
details.session.up{border-left-color:var(--up)}
details.session.down{border-left-color:var(--down)}
details.session>summary{display:flex;gap:12px;justify-content:space-between;flex-wrap:wrap}
summary{cursor:pointer;padding:7px 0}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:18px;margin:10px 0}
ol{margin:0;padding-left:26px;font-size:.9rem}
mark{background:var(--mark);color:inherit;padding:0 3px;border-radius:3px}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--soft);border-radius:6px;
padding:10px 12px;font-size:.82rem;margin:4px 0 12px}
.warn{color:var(--down)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;font-size:.9rem}
dt{color:var(--quiet)}
dd{margin:0;overflow-wrap:anywhere}
footer{margin-top:40px;border-top:1px solid var(--line);padding-top:10px}
@media (max-width:640px){.pair{grid-template-columns:1fr}dl{grid-template-columns:1fr}
th,td{padding:6px 8px}
th:first-child{white-space:normal;max-width:34vw}thead th{min-width:84px}
figure svg{max-width:none;width:620px}details.session>summary{gap:0 12px}
main{padding:16px 12px 32px}dd{margin-bottom:6px}}
@media print{:root{--ground:#fff;--text:#000;--quiet:#444;--line:#ccc;--soft:#f2f2f2;--up:#0b5d33;
--down:#8f1d0c;--mark:#eee}body{font-size:11px}main{max-width:none;padding:0}
.wide{overflow:visible}th:first-child{position:static}
figure,tr,details{break-inside:avoid}h2,h3{break-after:avoid}}
"""
