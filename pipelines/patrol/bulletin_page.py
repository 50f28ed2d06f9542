"""The page of a bulletin as one document: its style and script are named by hash, and nothing else may run or load."""

# ruff: noqa: E501  # lines of a page, which break where its reader would

import base64
import hashlib

from jinja2 import Environment
from markupsafe import Markup

from leads.fields import NOTE
from pipelines.patrol.bulletin_script import SCRIPT
from pipelines.patrol.bulletin_style import STYLE

_TEMPLATE = """\
<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src '{{ style_hash }}'; \
script-src '{{ script_hash }}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>卫巡 {{ told.night }} 巡查简报 Weixun bulletin</title>
<style>{{ style }}</style></head><body>
<header>
<h1>卫巡巡查简报 <small>Weixun bulletin</small></h1>
<p class="when"><b>{{ told.night }}</b>{% if told.turn > 1 %} · 第 {{ told.turn }} 次 turn {{ told.turn }}{% endif %}
 · <span class="mark">{{ told.classification }}</span> · {{ note }} a lead, not a verdict</p>
</header>

{% for alarm in told.alarms %}<p class="alarm" role="alert"><b>{{ alarm.aoi }}</b> {{ alarm.zh }} <span>{{ alarm.en }}</span></p>
{% endfor %}
<section class="tiles" aria-label="数字 figures">
<div><b>{{ "{:,.0f}".format(km2.observed) }}</b> km² 今夜观测 observed tonight</div>
<div class="{{ 'less' if km2.unseen > 0.5 * km2.all else '' }}"><b>{{ "{:,.0f}".format(km2.unseen) }}</b> km² 未观测 not observed</div>
{% for word, (zh, en) in what.items() if counts[word] %}<div class="w-{{ word }}"><b>{{ counts[word] }}</b> {{ zh }} {{ en }}</div>
{% endfor %}
</section>

{% if not looked %}<p class="quiet">今夜没有新影像，没有处理任何区块。 No new scenes tonight: no block was worked. 没有线索不等于没有变化。</p>{% endif %}

{% for area in told.areas %}<section class="area" aria-label="{{ area.night.aoi }}">
<h2>{{ area.night.name_zh }} <small>{{ area.night.name_en }} · {{ area.night.aoi }}</small></h2>
<p>{% if area.night.error %}<b class="bad">未能观测 not looked at:</b> {{ area.night.error }}
{% elif not area.night.due %}没有新影像 no new scenes\
{% if area.night.newest %}（最新 newest {{ area.night.newest }}）{% else %}（自 since {{ area.night.since }}）{% endif %}
{% else %}{{ area.night.days | join("、") or "无晴日 no clear day" }} · 处理 {{ area.night.worked }} / {{ area.night.due }} 区块 blocks · \
观测 observed {{ "{:.0%}".format(area.night.observed_share) }}，{{ "{:,.0f}".format(area.night.observed_km2) }} of \
{{ "{:,.0f}".format(area.night.km2) }} km²{% endif %}</p>
{{ area.map | safe }}
</section>{% endfor %}
<p class="legend" aria-hidden="true"><span><i class="k c0"></i>未观测 not observed</span> <span><i class="k c1"></i>≤ 25 %</span> \
<span><i class="k c2"></i>≤ 50 %</span> <span><i class="k c3"></i>≤ 75 %</span> <span><i class="k c4"></i>&gt; 75 % 观测 observed</span> \
<span><i class="k failed"></i>失败 failed</span> \
{% for word, (zh, en) in what.items() if counts[word] %}<span><i class="k dot w-{{ word }}"></i>{{ zh }} {{ en }}</span> {% endfor %}</p>

<section id="leads" aria-label="线索 leads">
<h2>线索 <small>leads</small> <span id="shown" role="status" aria-live="polite">{{ told.cards | length }}</span></h2>
{% if told.cards %}
<div class="filters" role="search">
<label>查找 find <input id="find" type="search" placeholder="/" autocomplete="off"></label>
<label>模型 model <select id="model"><option value="">全部 all</option>\
{% for model in models %}<option>{{ model }}</option>{% endfor %}</select></label>
<label>区域 area <select id="aoi"><option value="">全部 all</option>\
{% for area in told.areas %}<option>{{ area.night.aoi }}</option>{% endfor %}</select></label>
<fieldset><legend>状态 state</legend>{% for word, (zh, en) in what.items() if counts[word] %}\
<label class="w-{{ word }}"><input type="checkbox" name="what" value="{{ word }}" checked> {{ zh }} {{ en }}</label>{% endfor %}</fieldset>
<p class="keys">/ 查找 find · j k 下一条、上一条 next, previous · ← → 前后对比 swipe · Esc 清除 clear</p>
</div>{% else %}<p class="none">没有新的线索。这不等于没有变化：请看上面的观测覆盖。<br>\
No new leads. That does not mean that nothing changed: see above what was observed.</p>{% endif %}
{% for card in told.cards %}
<article id="{{ card.id }}" class="lead w-{{ card.what }}" data-model="{{ card.model }}" data-what="{{ card.what }}" data-aoi="{{ card.aoi }}" tabindex="-1">
<h3>{{ card.id }} <span class="tag w-{{ card.what }}">{{ what[card.what][0] }} {{ what[card.what][1] }}</span></h3>
<div class="both">
{% if card.before and card.after %}<figure class="swipe">
<img class="under" src="{{ card.before | safe }}" alt="{{ card.id }} 前时相 before">
<img class="over" src="{{ card.after | safe }}" alt="{{ card.id }} 后时相 after">
<input type="range" min="0" max="100" value="50" step="1" aria-label="{{ card.id }} 前后对比 before and after">
</figure>{% endif %}
<dl>{% for label, value in card.row.items() %}<div><dt>{{ label }}</dt><dd>{{ value }}</dd></div>{% endfor %}</dl>
</div></article>{% endfor %}
{% if told.unpictured %}<p>其中 {{ told.unpictured }} 条没有配图，见收件箱与 QGIS。 {{ told.unpictured }} of them are without pictures here.</p>{% endif %}
</section>

<section aria-label="本年 this year"><h2>本年 <small>this year</small></h2>
<dl class="year">{% for label, value in told.numbers %}<div><dt>{{ label }}</dt><dd>{{ value }}</dd></div>{% endfor %}</dl>
{% for funnel in told.funnels %}<table class="funnel"><thead><tr>{% for name in funnel[0] %}<th>{{ name }}</th>{% endfor %}</tr></thead><tbody>
{% for row in funnel[1:] %}<tr>{% for value in row %}<td>{{ value }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table>{% endfor %}
<p>{% if told.inbox %}收件箱 inbox: <code>{{ told.inbox }}</code>（每周至多 {{ told.desk.weekly }} 条 at most {{ told.desk.weekly }} leads a week）\
{% else %}今夜没有交给分析员的线索 nothing for the desk tonight{% endif %}</p></section>

{% if failures %}<section aria-label="失败 failures"><h2>失败 <small>failures</small></h2><table><thead><tr><th>区域 area</th>\
<th>区块、影像 block, scene</th><th>原因 reason</th></tr></thead><tbody>
{% for aoi, name, reason in failures %}<tr><td>{{ aoi }}</td><td>{{ name }}</td><td>{{ reason }}</td></tr>
{% endfor %}</tbody></table><p>失败的区块下一夜最先处理。 Blocks that failed are the first of the next night.</p></section>{% endif %}

{% if notes %}<section aria-label="备注 notes"><h2>备注 <small>notes</small></h2><ul>
{% for aoi, said in notes %}<li>{{ aoi }}: {{ said }}</li>{% endfor %}</ul></section>{% endif %}

<footer><h2>证据链 <small>evidence</small></h2>
{% for aoi, head in told.heads.items() %}<p>{{ aoi }} <code class="head">{{ head }}</code></p>{% endfor %}
<p>用 <code>weixun leads verify --head …</code> 可查出任何改动或缺失。 finds any change or loss.</p></footer>
<script>{{ script }}</script>
</body></html>
"""


def page(told: object, what: object) -> str:
    """A bulletin as HTML; all text in it is escaped.

    Args:
        told: a `pipelines.patrol.bulletin.Bulletin`.
        what: Chinese and English word for what became of a lead.
    """
    # Everything is escaped unless marked `safe`: maps, which escape themselves, and pictures, which we encoded.
    environment = Environment(autoescape=True, trim_blocks=True, keep_trailing_newline=True)
    areas, cards = told.areas, told.cards  # type: ignore[attr-defined]
    nights = [area.night for area in areas]
    whole, seen = sum(one.km2 for one in nights), sum(min(one.observed_km2, one.km2) for one in nights)
    return environment.from_string(_TEMPLATE).render(
        told=told,
        what=what,
        note=NOTE,
        style=Markup(STYLE),
        script=Markup(SCRIPT),
        style_hash=_hash(STYLE),
        script_hash=_hash(SCRIPT),
        km2={"all": whole, "observed": seen, "unseen": max(whole - seen, 0.0)},
        counts={word: sum(area.news.get(word, 0) for area in areas) for word in what},  # type: ignore[attr-defined]
        models=sorted({card.model for card in cards}),
        looked=any(one.due for one in nights),
        failures=[(one.aoi, *item) for one in nights for item in (*one.failed.items(), *one.unreadable.items())],
        notes=[(one.aoi, said) for one in nights for said in one.notes],
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
