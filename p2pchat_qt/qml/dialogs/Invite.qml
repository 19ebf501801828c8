import QtQuick
import QtQuick.Layouts
import "../controls"

// A link into a room.
Box {
    id: box
    property string room
    property string uses: "1"
    property string days: "7"
    title: qsTr("Invite by a link")
    function about(id) { room = id; roomsView.make_invite(id, parseInt(uses), parseInt(days)); open() }
    function again() { roomsView.make_invite(room, parseInt(uses), parseInt(days)) }
    Words { text: qsTr("How many may come by it"); color: Theme.c.faint; Layout.fillWidth: true }
    Choice { Layout.fillWidth: true; value: box.uses; options: ["1", "10", "100"].map(n => ({ value: n, text: n })); onChosen: value => { box.uses = value; box.again() } }
    Words { text: qsTr("For how many days"); color: Theme.c.faint; Layout.fillWidth: true }
    Choice { Layout.fillWidth: true; value: box.days; options: ["1", "7", "30"].map(n => ({ value: n, text: n })); onChosen: value => { box.days = value; box.again() } }
    Image {
        source: roomsView.now.qr
        smooth: false
        fillMode: Image.PreserveAspectFit
        Layout.preferredWidth: Theme.px(190)
        Layout.preferredHeight: Theme.px(190)
        Layout.alignment: Qt.AlignHCenter
        Accessible.role: Accessible.Graphic
        Accessible.name: qsTr("The invitation as a QR code")
    }
    Copied { objectName: "inviteLink"; words: roomsView.now.invite; done: qsTr("The invitation is copied"); Layout.fillWidth: true }
    Paragraph { text: qsTr("It is shown this once. Who has it can come in."); color: Theme.c.faint; font.pixelSize: Theme.small; Layout.fillWidth: true; Layout.bottomMargin: 8 }
}
