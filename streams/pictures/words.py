"""Every word of the report in both languages, and amounts as each of them reads them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape

from ledger.money import format_minor

LANGUAGES = ("en", "zh")

WORDS = {
    "title": ("Loan book", "贷款组合报告"),
    "as_of": ("as of {day}", "截至 {day}"),
    "known": (
        "As known at the close of that day. Never changed by what is learned later.",
        "按当日营业终了时已知信息编制，不因日后获知的信息而改变。",
    ),
    "currency": ("Currency {name}", "币种 {name}"),
    "outstanding": ("Outstanding principal", "贷款余额"),
    "loans": ("Loans", "贷款笔数"),
    "par_30": ("Portfolio at risk, over 30 days", "逾期30天以上余额占比"),
    "npl": ("Non-performing ratio", "不良贷款率"),
    "provision": ("Provisions to hold", "应提准备金"),
    "watched": ("Loans on the watch list", "关注名单贷款"),
    "ageing": ("Past due, month by month", "逾期账龄月度走势"),
    "ageing_note": (
        "Full principal of loans past due, by days past due, as a share of the book.",
        "逾期贷款全额本金按逾期天数分组，占贷款余额的比例。",
    ),
    "roll": ("Where balances rolled", "逾期迁徙率"),
    "roll_note": (
        "Of the balance in a row's bucket on {since}, the share now in the column's.",
        "{since} 处于该行账龄的余额，现处于各列账龄的比例。",
    ),
    "vintage": ("Vintages", "放款批次"),
    "vintage_note": (
        "Ever more than 30 days past due, as a share of what was lent in the month; by months on "
        "book.",
        "各月放款中曾逾期30天以上的比例，按账龄月数。",
    ),
    "months_on_book": ("months on book", "账龄（月）"),
    "migration": ("Grade migration", "风险分类迁徙"),
    "migration_note": (
        "Of the balance graded as the row on {since}, the share now graded as the column.",
        "{since} 为该行分类的余额，现为各列分类的比例。",
    ),
    "funnel": ("What warnings came to", "预警漏斗"),
    "funnel_note": (
        "Warnings that reached a person since {since}, by the gravest severity of each.",
        "{since} 以来已送达人员的预警，按最高级别。",
    ),
    "hit_rate": ("hit rate", "命中率"),
    "lead": ("Days from first warning to default", "首次预警至违约的天数"),
    "lead_note": (
        "Loans over 90 days past due or written off since {since}.",
        "{since} 以来逾期90天以上或核销的贷款。",
    ),
    "median": ("median {days} days", "中位数 {days} 天"),
    "concentration": ("Concentration", "集中度"),
    "concentration_note": (
        "Share of the book; the dark part is more than 30 days past due.",
        "占贷款余额的比例；深色部分为逾期30天以上。",
    ),
    "industry": ("Industry", "行业"),
    "branch": ("Branch", "机构"),
    "region": ("Region", "地区"),
    "product": ("Product", "产品"),
    "grades": ("Grades and provisions", "风险分类与准备金"),
    "grade": ("Grade", "分类"),
    "share": ("Share", "占比"),
    "rate": ("Rate", "计提比例"),
    "rates_verified": ("Rates: {source} (verified).", "计提依据：{source}（已核实）。"),
    "rates_unverified": ("Rates: {source} (unverified).", "计提依据：{source}（未核实）。"),
    "no_rates": ("{why}", "该分类制度无准备金计提比例：{why}"),
    "watchlist": ("Watch list, the gravest first", "关注名单（按级别）"),
    "loan": ("Loan", "贷款"),
    "borrower": ("Borrower", "借款人"),
    "officer": ("Officer", "客户经理"),
    "severity": ("Severity", "级别"),
    "since": ("Since", "起始日"),
    "bucket": ("Days past due", "逾期天数"),
    "arrears": ("Arrears", "拖欠金额"),
    "reason": ("Reason", "原因"),
    "more": ("and {count} more", "另有 {count} 笔"),
    "raised": ("raised", "发出"),
    "acted": ("acted upon", "已处置"),
    "cured": ("cured", "已化解"),
    "defaulted": ("defaulted", "已违约"),
    "open": ("open", "未了结"),
    "withdrawn": ("withdrawn", "已撤回"),
    "not warned": ("not warned", "未预警"),
    "watch": ("watch", "关注"),
    "yellow": ("yellow", "黄色"),
    "orange": ("orange", "橙色"),
    "red": ("red", "红色"),
    "repaid": ("repaid", "结清"),
    "refinanced": ("refinanced", "借新还旧"),
    "written_off": ("written off", "核销"),
    "cancelled": ("cancelled", "取消"),
    "normal": ("normal", "正常"),
    "special_mention": ("special mention", "关注"),
    "substandard": ("substandard", "次级"),
    "doubtful": ("doubtful", "可疑"),
    "loss": ("loss", "损失"),
    "performing": ("performing", "未违约"),
    "overdue": ("overdue", "逾期"),
    "past_due": ("past due", "逾期"),
    "default": ("default", "违约"),
    "non_performing": ("non-performing", "不良"),
    "stage_1": ("stage 1", "第一阶段"),
    "stage_2": ("stage 2", "第二阶段"),
    "stage_3": ("stage 3", "第三阶段"),
    "standard": ("standard", "标准"),
    "sma_0": ("SMA-0", "SMA-0"),
    "sma_1": ("SMA-1", "SMA-1"),
    "sma_2": ("SMA-2", "SMA-2"),
    "npa": ("NPA", "不良"),
    "current": ("current", "正常"),
    "past_due_30_89": ("30-89 days", "30-89天"),
    "past_due_90": ("90 days or more", "90天及以上"),
    "non_accrual": ("non-accrual", "非应计"),
    "charge_off": ("charge-off", "应核销"),
    "manufacturing": ("manufacturing", "制造业"),
    "wholesale": ("wholesale", "批发业"),
    "retail": ("retail", "零售业"),
    "catering": ("catering", "餐饮业"),
    "construction": ("construction", "建筑业"),
    "transport": ("transport", "交通运输业"),
    "agriculture": ("agriculture", "农业"),
    "tourism": ("tourism", "旅游业"),
    "technology": ("technology", "科技服务业"),
    "working-capital": ("working capital", "流动资金贷款"),
    "equipment": ("equipment", "设备贷款"),
    "credit-quick": ("quick credit", "快贷"),
    "interest-first": ("interest first", "先息后本贷款"),
    "seasonal": ("seasonal", "季节性贷款"),
    "Zhejiang": ("Zhejiang", "浙江"),
    "Jiangsu": ("Jiangsu", "江苏"),
    "Anhui": ("Anhui", "安徽"),
    "nothing": ("Nothing to show.", "暂无数据。"),
    "made": (
        "Made by LoanBell from {facts} facts, graded by {regime}. All figures: loanbell portfolio.",
        "由 LoanBell 根据 {facts} 条事实生成，按 {regime} 分类。全部数据：loanbell portfolio。",
    ),
}
_SCALES = {
    "en": ((Decimal(10**9), " bn"), (Decimal(10**6), " m"), (Decimal(10**3), " k")),
    "zh": ((Decimal(10**8), "亿"), (Decimal(10**4), "万")),
}


def both(key: str, *, tag: str = "span", **fields: object) -> str:
    """A word or sentence in both languages, one of which the page shows.

    A word that the report does not know (a branch, a grade of one's own) stands for itself.
    """
    if key not in WORDS:
        return escape(key.replace("_", " "))
    return in_both([text.format(**fields) for text in WORDS[key]], tag=tag)


def in_both(texts: Sequence[str], *, tag: str = "span") -> str:
    """A text in English and Chinese, one of which the page shows."""
    return "".join(
        f'<{tag} class="{language}" lang="{language}">{escape(text)}</{tag}>'
        for language, text in zip(LANGUAGES, texts, strict=True)
    )


def fitted(key: str, width: float, largest: float) -> str:
    """A word for a picture in both languages, each as large as fits into `width`."""
    texts = WORDS.get(key, (key.replace("_", " "),) * 2)
    parts = []
    for language, text in zip(LANGUAGES, texts, strict=True):
        ems = sum(0.53 if letter.isascii() else 1.0 for letter in text)
        size = f"{min(largest, width / ems):.1f}"
        named = f'class="{language}" lang="{language}" font-size="{size}"'
        parts.append(f"<tspan {named}>{escape(text)}</tspan>")
    return "".join(parts)


def plain(key: str) -> str:
    """A word in both languages on one line, for a picture's description."""
    return escape(" / ".join(dict.fromkeys(WORDS.get(key, (key.replace("_", " "),)))))


def short_money(minor: int, currency: str, *, tag: str = "span") -> str:
    """Money to three digits in both languages: 294.8 m, 2.948亿."""
    value = Decimal(format_minor(minor, currency))
    return "".join(
        f'<{tag} class="{language}" lang="{language}">{_short(value, language)}</{tag}>'
        for language in LANGUAGES
    )


def full_money(minor: int, currency: str) -> str:
    """Money with thousands separators, to the whole unit."""
    return f"{Decimal(format_minor(minor, currency)):,.0f}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share as a percentage; a dash for none."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def _short(value: Decimal, language: str) -> str:
    for size, name in _SCALES[language]:
        if abs(value) >= size:
            return f"{float(value / size):,.4g}{name}"
    return f"{float(value):,.4g}"
