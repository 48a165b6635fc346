# An admin restores an earlier state of all places over data that is there. Nobody ever sees the states of two times together.
echo 'written since' >/var/lib/sonarr/newer
chown sonarr: /var/lib/sonarr/newer
echo 'written since' >/var/lib/sonarr/media/covers/newer.jpg
echo 'port = 2' >/etc/sonarr/app.conf
