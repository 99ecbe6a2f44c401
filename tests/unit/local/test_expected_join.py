from runners.local.expected_join import expected_join


def test_the_join_has_the_days_that_both_files_have_in_ascending_order(tmp_path):
    sales = tmp_path / "sales.csv"
    sales.write_text(
        "Date,Forecasted Monthly Revenue,Opportunity Stage\n"
        "10/2/2011,100.50,Lead\n"
        "1/3/2011,7,Won\n"
        "10/2/2011,,Lead \n"
        "10/2/2011,2,Lost\n"
        ",5,Lead\n"
        "5/5/2011,1,Lead\n"
    )
    marketing = tmp_path / "marketing.csv"
    marketing.write_text(
        "Date,Mailing list adds ,Website Pageviews\n1/3/2011,,9\n10/2/2011,4,8\nno date,1,1\n6/6/2011,2,2\n"
    )

    rows = expected_join(sales, marketing)

    assert rows == [
        {
            "date": "2011-01-03",
            "forecasted_monthly_revenue": "7.00",
            "opportunities": "1",
            "leads_generated": "0",
            "forecasted_lead_revenue": "0.00",
            "Mailing_list_adds": "",
            "Website_Pageviews": "9",
        },
        {
            "date": "2011-10-02",
            "forecasted_monthly_revenue": "102.50",
            "opportunities": "3",
            "leads_generated": "2",
            "forecasted_lead_revenue": "100.50",
            "Mailing_list_adds": "4",
            "Website_Pageviews": "8",
        },
    ]
