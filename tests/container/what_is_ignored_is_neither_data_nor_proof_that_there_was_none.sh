# A service was started empty, on what `ignore` names. As long as nothing appears or goes in its directory, it starts
# empty again, whatever it logged. Data that came and went is remembered. So is a change that may have been one of
# ignored entries alone, since nobody can tell.
# also: vm

declare_default_host
repository_init
printf '[Service]\nType=oneshot\nExecStart=/bin/true\n' >/etc/systemd/system/app.service
declare_service app <<EOT2
[dataset]
mountpoint = "/srv/app"
[preseed]
expect = ["app.db"]
ignore = ["logs"]
[backup]
repository = "local"
EOT2
reload
systemctl start dataset-app
mkdir /srv/app/logs
systemctl start app
assert_journal preseed-app 'a first start'
echo started >/srv/app/logs/today
mkdir /srv/app/logs/older
systemctl start app

touch /srv/app/app.db
rm /srv/app/app.db
assert_refused app 'it may have had data since .*something was put into its directory or taken out of it since'
preseedctl forget --yes app
systemctl start app
systemctl start app

# Perhaps only what is ignored.
rm -r /srv/app/logs
assert_refused app 'it may have had data since .*what that was cannot be told'
